"""A few numbers of each run, in the metrics that Airflow sends to StatsD or OpenTelemetry."""

import time

from codebashing_lms_airflow.airflow_compat import Stats
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.load.outcome import Outcome, OutcomeKind
from include.codebashing_lms.transform.manifest import Manifest

UP_TO_DATE = (OutcomeKind.DELIVERED, OutcomeKind.NOTHING_TO_SEND, OutcomeKind.ALREADY_DELIVERED)


def gauge(connector: Connector, outcome: Outcome, manifest: Manifest) -> None:
    """Set the gauges codebashing_lms.<connector>.… to the numbers of a run."""
    numbers = {
        "learners": manifest.learners,
        "learners_set_aside": sum(manifest.learners_set_aside().values()),
        "rows_delivered": outcome.rows if outcome.kind == OutcomeKind.DELIVERED else 0,
        "rows_refused": outcome.refused or 0,
    }
    if outcome.kind in UP_TO_DATE:
        # a time, not an age: an age would stand still while runs fail
        numbers["up_to_date_at"] = int(time.time())
    for name, number in numbers.items():
        Stats.gauge(f"codebashing_lms.{connector.name}.{name}", number)
