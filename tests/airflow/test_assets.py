"""An event of the connector's asset for every delivery, and for nothing else."""

from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select

from tests.airflow.learners import learner


def events(site):
    with create_session() as session:
        found = session.execute(
            select(AssetModel.uri, AssetEvent.source_task_id, AssetEvent.extra)
            .join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
            .where(AssetModel.name == f"codebashing_lms/{site.name}")
        )
        return [tuple(row) for row in found]


def test_a_delivery_is_an_event_with_its_numbers(site, source):
    source.learners.append(learner(5, employee_id=None))
    ran = site.run()
    manifest = site.manifest(ran)
    [(uri, task, extra)] = events(site)
    assert (uri, task) == (f"x-codebashing-lms://{site.name}", "load")
    assert extra == {
        "run_id": ran.run_id,
        "as_of": manifest["as_of"],
        "rows": 4,
        "file": manifest["file"],
        "sha256": manifest["sha256"],
        "set_aside": 1,
        "refused": 0,
    }


def test_what_tells_the_lms_nothing_is_none(site, source):
    delivery = {"method": "folder", "directory": str(site.drop), "send": "changes"}
    site.connector(delivery=delivery)
    site.run(dry_run=True)
    assert events(site) == []
    site.run()
    ran = site.run()
    assert ran.xcom["load.return_value"]["outcome"] == "nothing_to_send"
    assert len(events(site)) == 1
