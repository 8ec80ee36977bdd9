"""The ledger, and lists of a person, in an object store."""

from datetime import UTC, datetime

import pytest
from airflow.sdk import ObjectStoragePath

from include.codebashing_lms.admin.actions import run_action
from include.codebashing_lms.admin.form import AdminForm
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.load.receipt import read_receipt, write_receipt
from include.codebashing_lms.staging.files import write_json
from tests.load.receipts import receipt
from tests.load.staged_run import connector

EXPORT = b"employee_id,course,completed_at\n1,java,2019-03-02\n2,go,2020-01-01\n"


def test_a_baseline_a_resend_and_a_delivery_in_flight(store):
    root, bucket = store
    bucket.put_object(Key="lists/export.csv", Body=EXPORT)
    lists = f"s3://store_{bucket.name}@{bucket.name}/lists"
    acme, home = connector({"method": "folder", "directory": "/drop"}), root / "acme"
    folder, about = destination_folder(home, acme)

    def act(action, run_id, **answers):
        form = AdminForm(action, run_id, "ada", "as agreed", **answers)
        return run_action(AdminRequest(acme, "c0ffee", home, form, ObjectStoragePath, datetime.now(UTC)))

    assert act("first_delivery", "1", answer="baseline", file=f"{lists}/export.csv")["rows"] == 2
    bucket.put_object(Key="lists/ids.csv", Body=b"2\n3\n")
    assert act("resend", "2", file=f"{lists}/ids.csv")["rows"] == 1
    rows = {row["employee_id"]: row for row in open_ledger(folder).table.to_pylist()}
    assert [rows[one]["sent_at"] is None for one in "12"] == [False, True]

    write_json(home / "in_flight" / "key.json", {"folder": "runs/a/b.0"})
    write_receipt(home / "runs" / "a" / "b.0", receipt(delivery="key", destination=about, file="x.csv"))
    with pytest.raises(ConnectorError, match="in flight, or was cut off: key"):
        act("reset", "3")
    act("settle", "4", delivery="key", found="not_taken")
    assert read_receipt(home / "runs" / "a" / "b.0").state == "not_delivered"
    assert act("reset", "5")["rows"] == 2
    with pytest.raises(ConnectorError, match=r"gone.csv cannot be read \(FileNotFoundError\)"):
        act("resend", "6", file=f"{lists}/gone.csv")
