"""What the admin DAG does to the memory: what changes the last word of the LMS is an entry of the journal."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from include.codebashing_lms.admin.form import AdminForm, check, first_moment, refused
from include.codebashing_lms.admin.refused_list import rejected
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.admin.row_selection import completions, employee_ids, rows_to_resend
from include.codebashing_lms.dates import iso
from include.codebashing_lms.extract import snapshots as archive
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import Journal, entries, open_ledger
from include.codebashing_lms.ledger.maintenance import purge, rebuild, roll_back
from include.codebashing_lms.ledger.schema import SENT
from include.codebashing_lms.load.recovery import resolve_manually
from include.codebashing_lms.staging.layout import timestamp_name

log = logging.getLogger(__name__)

NEWEST = 10

Result = dict[str, Any]


def run_action(request: AdminRequest) -> Result:
    """Do what was ordered; return numbers and a sentence, and nothing about a person."""
    request = replace(request, form=_trimmed(request.form))
    check(request.form)
    if any(entry["delivery"] == request.delivery for entry in entries(request.destination_ledger.folder)):
        done: Result = {"sentence": "This run has done it already; it is not done twice."}
    else:
        done = ACTIONS[request.form.action](request)
    log.info("%s for %s: %s", request.form.action, request.connector.name, done["sentence"])
    return {"action": request.form.action, "connector": request.connector.name, **done}


def _trimmed(form: AdminForm) -> AdminForm:
    """Take an empty answer as none."""
    texts: dict[str, Any] = {
        name: value.strip() or None for name, value in vars(form).items() if isinstance(value, str)
    }
    return replace(form, **texts)


def _first_delivery(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    now, form = open_ledger(request.destination_ledger.folder), request.form
    if _first_delivery_since_start(request):
        raise refused(
            f"first_delivery is no question any more: {len(now)} rows count as told to this "
            "destination. If it was emptied, or another LMS took its place, use the action reset first"
        )
    since = first_moment(form.since, "since")
    rows, others = SENT.empty_table(), 0
    if form.file is not None:
        rows, others = completions(request.connector, request.home, form.file, request.resolve)
    # a second answer takes the place of the first
    kind = "baseline" if now.is_empty else "reset"
    number = request.write(kind, now, [rows], since=iso(since) if since else None)
    sentence = "The next good run sends everything there is to tell."
    if since:
        sentence = f"Completions before {since:%Y-%m-%d} count as known; the next good run sends the others."
    if form.file is not None:
        sentence = (
            f"{len(rows)} completions count as known, {others} in the export were of other courses; the next "
            "good run sends what is missing. Look at a dry run first."
        )
    return {"journal": number, "rows": len(rows), "other_courses": others, "sentence": sentence}


def _first_delivery_since_start(request: AdminRequest) -> bool:
    for entry in reversed(entries(request.destination_ledger.folder)):
        if entry["kind"] != "baseline":
            return bool(entry["kind"] != "reset")
    return False


def _reset(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    now = open_ledger(request.destination_ledger.folder)
    number, rows = request.write("reset", now, [], since=None), len(now)
    return {
        "journal": number,
        "rows": rows,
        "sentence": f"Forgot {rows} rows that counted as told; the next good run sends everything there is "
        "to tell. To send less, answer first_delivery before that run.",
    }


def _rebuild(request: AdminRequest) -> Result:
    folders = ledgers(request.home)
    if not folders:
        raise refused("there is no journal yet: nothing was ever delivered")
    rebuilt = [rebuild(folder) for folder in folders]
    entries, rows = sum(one.number for one in rebuilt), sum(len(one) for one in rebuilt)
    return {"rows": rows, "sentence": f"Folded {entries} entries of the journal again: {rows} rows."}


def _purge(request: AdminRequest) -> Result:
    staging = request.connector.staging
    snapshots = archive.purge(request.home / "snapshots", staging.keep_snapshots_days, request.now)
    entries, kept = 0, "the journal is kept for ever"
    if staging.keep_journal_days is not None:
        before = request.now - timedelta(days=staging.keep_journal_days)
        entries = sum(purge(folder, before) for folder in ledgers(request.home))
        kept = f"{entries} entries of the journal older than {staging.keep_journal_days} days"
    return {
        "snapshots": snapshots,
        "entries": entries,
        "sentence": f"Removed {snapshots} snapshots older than {staging.keep_snapshots_days} days; {kept}.",
    }


def _resend(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    file = request.form.file
    ids = employee_ids(file, request.resolve) if file is not None else None
    now = open_ledger(request.destination_ledger.folder)
    rows, never = [], set(ids or ())
    for table in now:
        rows.append(rows_to_resend(table, request.form, ids))
        never.difference_update(table["employee_id"].to_pylist())
    told = sum(map(len, rows))
    if not told:
        raise refused("resend fits no row that the LMS was told")
    number = request.write("resend", now, rows)
    sentence = (
        f"{told} rows are told again with the next good run, as far as Codebashing still has them; "
        "first completion dates stay."
    )
    if ids:
        sentence += f" {len(never)} of {len(ids)} IDs were never told."
    if request.connector.lms.contract.appends:
        sentence += " If the LMS adds rows instead of replacing them, they stand there twice."
    return {"journal": number, "rows": told, "never_told": len(never), "sentence": sentence}


def _refused(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    now, form = open_ledger(request.destination_ledger.folder), request.form
    to = request.home / "refused" / f"{timestamp_name(request.now)}.csv"
    rows, strange = rejected(request.connector, now.table, str(form.file), request.resolve, to)
    number = request.write("refusal", now, [rows])
    sentence = (
        f"{len(rows)} rows count as refused and go again with the next good run; after the third time for "
        f"the same reason they are set aside. They are listed in {to}."
    )
    if strange:
        sentence += f" {strange} lines of the list fit no row that the LMS was told."
    return {"journal": number, "rows": len(rows), "fit_no_row": strange, "sentence": sentence}


def _roll_back(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    folder, number = request.destination_ledger.folder, request.form.number
    journal = entries(folder)
    if number not in (0, *journal.numbers[:-1]):
        raise refused(f"roll_back needs the number of an earlier entry of the journal. {_newest(journal)}")
    since = journal[journal.numbers.index(number)].get("since") if number else None
    meta = request.facts("rollback") | {"since": since}
    after = roll_back(folder, number, meta)
    return {
        "journal": after.number,
        "rows": len(after),
        "sentence": f"What counts as told is as it was after entry {number}: {len(after)} rows. The "
        "next good run sends what is new or different from that.",
    }


def _newest(journal: Journal) -> str:
    newest = islice(reversed(journal), NEWEST)
    lines = [f"{one['number']}: {one['kind']}, {one['rows']} rows, {one['when'][:16]}" for one in newest]
    return f"The newest are {'; '.join(lines)}" if lines else "It has none yet"


def _settle(request: AdminRequest) -> Result:
    form = request.form
    settled = {"by": form.triggered_by, "reason": form.reason, "when": iso(request.now)}
    taken = form.found == "taken"
    receipt = resolve_manually(request.home, str(form.delivery), taken, settled)
    told = "its rows count as told" if taken else "the next good run sends its rows again"
    sentence = f"{receipt['file']} is recorded as {'taken' if taken else 'not taken'}: {told}."
    return {"rows": receipt["rows"], "sentence": sentence}


ACTIONS: dict[str, Callable[[AdminRequest], Result]] = {
    "first_delivery": _first_delivery,
    "reset": _reset,
    "rebuild": _rebuild,
    "purge": _purge,
    "resend": _resend,
    "refused": _refused,
    "roll_back": _roll_back,
    "settle": _settle,
}
