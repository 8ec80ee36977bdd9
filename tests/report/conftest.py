"""Runs in Airflow that leave a report."""

from tests.airflow.conftest import airflow_db, site  # noqa: F401 (fixtures)
from tests.alerts.conftest import source  # noqa: F401 (fixture)
