"""A few numbers of each run, through whatever Airflow sends its own metrics with: StatsD, OpenTelemetry."""

import time
from typing import Any

from codebashing_lms_airflow.airflow_compat import Stats
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.transform.manifest import Manifest

UP_TO_DATE = ("delivered", "nothing_to_send", "already_delivered")


def gauge(connector: Connector, outcome: dict[str, Any], manifest: Manifest) -> None:
    """Set the gauges codebashing_lms.<connector>.… to what a run's load found."""
    numbers = {
        "learners": manifest.learners,
        "learners_set_aside": sum(manifest.learners_set_aside().values()),
        "rows_delivered": outcome["rows"] if outcome["outcome"] == "delivered" else 0,
        "rows_refused": outcome.get("refused", 0),
    }
    if outcome["outcome"] in UP_TO_DATE:
        # the moment, not its age: an age would stand still when runs fail
        numbers["up_to_date_at"] = int(time.time())
    for name, number in numbers.items():
        Stats.gauge(f"codebashing_lms.{connector.name}.{name}", number)
