"""What each action of the admin DAG does; an action that changes the ledger is an entry of its journal."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from include.codebashing_lms.admin.form import AdminForm, check, first_moment, form_error
from include.codebashing_lms.admin.refused_list import refused_rows
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.admin.row_selection import completions, employee_ids, lost_zeros, rows_to_resend
from include.codebashing_lms.dates import iso
from include.codebashing_lms.extract import snapshots
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import Journal, entries, open_ledger
from include.codebashing_lms.ledger.maintenance import purge, rebuild, roll_back
from include.codebashing_lms.ledger.schema import SENT
from include.codebashing_lms.load.manual_recovery import resolve_manually
from include.codebashing_lms.load.outcome import describe_refusals
from include.codebashing_lms.load.receipt import Resolution
from include.codebashing_lms.staging.layout import REFUSED_LISTS, SNAPSHOTS, timestamp_name

log = logging.getLogger(__name__)

NEWEST = 10

Result = dict[str, Any]


def run_action(request: AdminRequest) -> Result:
    """Do what the form says; return numbers and a sentence, and nothing about a person."""
    request = replace(request, form=_trimmed(request.form))
    check(request.form)
    if any(entry["delivery"] == request.delivery for entry in entries(request.destination_ledger.folder)):
        result: Result = {"sentence": "This run has done it already; it is not done twice."}
    else:
        result = ACTIONS[request.form.action](request)
    log.info("%s for %s: %s", request.form.action, request.connector.name, result["sentence"])
    return {"action": request.form.action, "connector": request.connector.name, **result}


def _trimmed(form: AdminForm) -> AdminForm:
    texts: dict[str, Any] = {
        name: value.strip() or None for name, value in vars(form).items() if isinstance(value, str)
    }
    return replace(form, **texts)


def _first_delivery(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    ledger, form = open_ledger(request.destination_ledger.folder), request.form
    if _has_entries_since_reset(request):
        raise form_error(
            f"first_delivery is no question any more: {len(ledger)} rows count as known to this "
            "destination. If it was emptied, or another LMS took its place, use the action reset first"
        )
    since = first_moment(form.since, "since")
    rows, others, warning = SENT.empty_table(), 0, ""
    if form.file is not None:
        rows, others, warning = completions(request.connector, request.home, form.file, request.resolve)
    # a second answer takes the place of the first
    kind = "baseline" if ledger.is_empty else "reset"
    number = request.write(kind, ledger, [rows], since=iso(since) if since else None)
    sentence = "The next good run sends everything."
    if since:
        sentence = f"Completions before {since:%Y-%m-%d} count as known; the next good run sends the others."
    if form.file is not None:
        sentence = (
            f"{len(rows)} completions count as known, {others} in the export were of other courses; the next "
            f"good run sends what is missing. Look at a dry run first.{warning}"
        )
    return {"journal": number, "rows": len(rows), "other_courses": others, "sentence": sentence}


def _has_entries_since_reset(request: AdminRequest) -> bool:
    for entry in reversed(entries(request.destination_ledger.folder)):
        if entry["kind"] != "baseline":
            return bool(entry["kind"] != "reset")
    return False


def _reset(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    ledger = open_ledger(request.destination_ledger.folder)
    number, rows = request.write("reset", ledger, [], since=None), len(ledger)
    return {
        "journal": number,
        "rows": rows,
        "sentence": f"Forgot {rows} rows that counted as known; the next good run sends everything. "
        "To send less, answer first_delivery before that run.",
    }


def _rebuild(request: AdminRequest) -> Result:
    folders = ledgers(request.home)
    if not folders:
        raise form_error("there is no journal yet: nothing was ever delivered")
    rebuilt = [rebuild(folder) for folder in folders]
    entries, rows = sum(one.number for one in rebuilt), sum(len(one) for one in rebuilt)
    return {"rows": rows, "sentence": f"Folded {entries} entries of the journal again: {rows} rows."}


def _purge(request: AdminRequest) -> Result:
    staging = request.connector.staging
    removed = snapshots.purge(request.home / SNAPSHOTS, staging.keep_snapshots_days, request.now)
    entries, kept = 0, "the journal is kept for ever"
    if staging.keep_journal_days is not None:
        before = request.now - timedelta(days=staging.keep_journal_days)
        entries = sum(purge(folder, before) for folder in ledgers(request.home))
        kept = f"{entries} entries of the journal older than {staging.keep_journal_days} days"
    return {
        "snapshots": removed,
        "entries": entries,
        "sentence": f"Removed {removed} snapshots older than {staging.keep_snapshots_days} days; {kept}.",
    }


def _resend(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    ids = employee_ids(request.form.file, request.resolve) if request.form.file is not None else None
    ledger = open_ledger(request.destination_ledger.folder)
    tables, never_sent = [], set(ids or ())
    for table in ledger:
        tables.append(rows_to_resend(table, request.form, ids))
        never_sent.difference_update(table["employee_id"].to_pylist())
    rows, zeros = sum(map(len, tables)), lost_zeros(never_sent, ledger)
    if not rows:
        raise form_error(f"resend fits no row that was sent to the LMS.{zeros}".rstrip("."))
    number = request.write("resend", ledger, tables)
    sentence = (
        f"{rows} rows are sent again with the next good run, as far as Codebashing still has them; "
        "first completion dates stay."
    )
    if ids:
        sentence += f" {len(never_sent)} of {len(ids)} IDs were never sent.{zeros}"
    if request.connector.lms.contract.appends:
        sentence += " If the LMS adds rows instead of replacing them, they stand there twice."
    return {"journal": number, "rows": rows, "never_sent": len(never_sent), "sentence": sentence}


def _refused(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    ledger, form = open_ledger(request.destination_ledger.folder), request.form
    to = request.home / REFUSED_LISTS / f"{timestamp_name(request.now)}.csv"
    rows, unmatched = refused_rows(request.connector, ledger.table, str(form.file), request.resolve, to)
    number = request.write("refusal", ledger, [rows])
    sentence = (
        f"{len(rows)} rows count as refused and go again with the next good run; after the third time for "
        f"the same reason they are set aside. They are listed in {to}."
    )
    if unmatched:
        sentence += f" {unmatched} lines of the list fit no row that was sent to the LMS."
    return {"journal": number, "rows": len(rows), "fit_no_row": unmatched, "sentence": sentence}


def _roll_back(request: AdminRequest) -> Result:
    request.require_no_in_flight()
    folder, number = request.destination_ledger.folder, request.form.number
    journal = entries(folder)
    if number not in (0, *journal.numbers[:-1]):
        raise form_error(f"roll_back needs the number of an earlier entry of the journal. {_newest(journal)}")
    since = journal[journal.numbers.index(number)].get("since") if number else None
    after = roll_back(folder, number, request.entry_metadata("rollback") | {"since": since})
    return {
        "journal": after.number,
        "rows": len(after),
        "sentence": f"What counts as known is as it was after entry {number}: {len(after)} rows. The "
        "next good run sends what is new or different from that.",
    }


def _newest(journal: Journal) -> str:
    newest = islice(reversed(journal), NEWEST)
    lines = [f"{one['number']}: {one['kind']}, {one['rows']} rows, {one['when'][:16]}" for one in newest]
    return f"The newest are {'; '.join(lines)}" if lines else "It has none yet"


def _settle(request: AdminRequest) -> Result:
    form, taken = request.form, request.form.found == "taken"
    resolution = Resolution(form.triggered_by, form.reason, iso(request.now))
    receipt = resolve_manually(request.home, str(form.delivery), taken, resolution)
    known = "taken: its rows count as known" if taken else "not taken: the next good run sends its rows again"
    sentence = f"{receipt.file} is recorded as {known}.{describe_refusals(receipt)}"
    return {"rows": receipt.rows, "sentence": sentence}


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
