"""A run's folder as load leaves it, of any size."""

import csv
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.config.connector import parse_connector
from include.codebashing_lms.load.outcome import OutcomeKind
from include.codebashing_lms.load.sent_rows import SCHEMA
from include.codebashing_lms.reporting.report.content import report_content
from include.codebashing_lms.reporting.report.render import render_report
from include.codebashing_lms.reporting.run_end import RunEnd
from include.codebashing_lms.transform.lists import SET_ASIDE_COLUMNS
from include.codebashing_lms.transform.manifest import write_manifest
from tests.fakes.manifests import manifest

NOW = datetime(2026, 11, 23, 5, 20, tzinfo=UTC)


def connector(**changes):
    content = {
        "name": "acme",
        "source": {"conn_id": "codebashing"},
        "delivery": {"method": "folder", "directory": "/mnt/lms"},
        **changes,
    }
    return parse_connector(content)


def run_folder(folder, finished, set_aside, learners=None, withheld=None, warnings=None, status=None):
    """Stage what a report reads.

    :param finished: (employee ID, e-mail, course) of new completions.
    :param set_aside: reason → [(e-mail, employee ID, course)]
    """
    sent = {
        "employee_id": [one[0] for one in finished],
        "email": [one[1] for one in finished],
        "course": [one[2] for one in finished],
        "course_title": [None] * len(finished),
        "hundredths": [10_000] * len(finished),
        "completed_at": [
            NOW.replace(tzinfo=None) - timedelta(minutes=len(finished) - at) for at in range(len(finished))
        ],
        "sent": [True] * len(finished),
        "known": [False] * len(finished),
    }
    columns = [
        pa.array(sent[field.name], field.type) if field.name in sent else pa.nulls(len(finished), field.type)
        for field in SCHEMA
    ]
    pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), folder / "sent_rows.parquet")
    with (folder / "set_aside.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(SET_ASIDE_COLUMNS)
        for reason, people in set_aside.items():
            lines.writerows([reason, "a remedy", *person, 1] for person in people)
    counts = {reason: len(people) for reason, people in set_aside.items()}
    content = manifest(
        learners=learners or len(finished) + sum(counts.values()),
        records={"withheld": withheld or {}, "set_aside": counts},
        figures={"learners": {"emitted": 0, "withheld": {}, "set_aside": counts, "merged": {}}},
        status=status or {"completed": len(finished), "in_progress": 0, "not_started": 0},
        warnings=warnings or {},
    )
    write_manifest(folder, content)
    return content


def report(folder, manifest, end=None, **changes):
    """Return the report of a run's folder."""
    sentence, delivered = "acme.csv was dropped as /mnt/lms/acme.csv.", OutcomeKind.DELIVERED
    end = end or RunEnd("acme", "scheduled__2026-11-23", NOW, None, None, manifest, delivered, sentence)
    return render_report(report_content(connector(**changes), end, folder, NOW))
