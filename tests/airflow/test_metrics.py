"""The numbers of a run, received by a StatsD server."""

import time

import pytest

from codebashing_lms_airflow.airflow_compat import Stats
from tests.airflow.learners import learner
from tests.fakes.statsd import StatsD


def begin_anew():
    """Do what each task's own process does when it begins; dag.test has none."""
    try:
        from airflow.sdk.observability import stats
    except ImportError:  # 3.1: the class looks at the settings when it is made, once
        del type(Stats).factory
        type(Stats).__init__(Stats)
        Stats.instance = None
        return
    if not hasattr(stats, "initialize"):
        pytest.skip("Airflow 3.2 lets nobody begin anew: see test_alerts_scheduled.py")
    from airflow.sdk.observability.metrics import stats_utils

    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)


@pytest.fixture
def statsd(monkeypatch):
    server = StatsD()
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(server.port))
    begin_anew()
    yield server
    monkeypatch.undo()
    begin_anew()
    server.close()


def test_the_gauges_of_a_run(site, source, statsd):
    source.learners.append(learner(5, employee_id=None))
    before = int(time.time())
    site.run()
    gauges = statsd.gauges(f"airflow.codebashing_lms.{site.name}.")
    assert before <= int(gauges.pop("up_to_date_at").removesuffix("|g"))
    assert gauges == {
        "learners": "5|g", "learners_set_aside": "1|g", "rows_delivered": "4|g", "rows_refused": "0|g",
    }  # fmt: skip


@pytest.mark.slow
def test_a_run_on_hold_leaves_alone_when_the_lms_was_last_up_to_date(site, source, statsd):
    site.connector(delivery={"method": "folder", "directory": str(site.drop), "hold": True})
    site.run()
    gauges = statsd.gauges(f"airflow.codebashing_lms.{site.name}.")
    assert gauges == {
        "learners": "4|g", "learners_set_aside": "0|g", "rows_delivered": "0|g", "rows_refused": "0|g",
    }  # fmt: skip


@pytest.mark.slow
def test_a_dry_run_has_none(site, source, statsd):
    site.run(dry_run=True)
    assert statsd.gauges(f"airflow.codebashing_lms.{site.name}.") == {}
