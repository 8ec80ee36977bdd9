"""The cron script with dlt: records in, CSV files of dlt's filesystem destination out."""

import json
import os
import shutil
import sys
from pathlib import Path

from bench.peers.orjson_script import every_course, primary, status_of


def rows(scope, snapshot):
    rows_of, seen = primary if scope == "primary" else every_course, set()
    for user in json.loads(Path(snapshot).read_bytes()):
        employee_id = user["employee_id"]
        if not employee_id or employee_id in seen:
            continue
        seen.add(employee_id)
        for course, percent, date in rows_of(user):
            yield {
                "employee_id": employee_id,
                "course_id": course,
                "percent_complete": float(percent),
                "status": status_of(percent),
                "completed_at": date,
            }


def main(scope, snapshot, out):
    work = Path(f"{out}.dlt")
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DATA_WRITER__DISABLE_COMPRESSION": "true"}
    os.environ["NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION"] = "true"
    import dlt

    to = dlt.destinations.filesystem(bucket_url=(work / "bucket").as_uri())
    pipeline = dlt.pipeline("bench", destination=to, dataset_name="rows", pipelines_dir=str(work / "state"))
    pipeline.run(rows(scope, snapshot), table_name="rows", loader_file_format="csv")
    with open(out, "wb") as target:
        for part in sorted((work / "bucket" / "rows" / "rows").glob("*.csv*")):
            with part.open("rb") as one:
                shutil.copyfileobj(one, target)
    shutil.rmtree(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
