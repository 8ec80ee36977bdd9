"""The status of a run, as far as it is known: one word for a badge, and one sentence."""

from dataclasses import dataclass

from include.codebashing_lms.load.outcome import OutcomeKind, StagedOutcome, new_and_known
from include.codebashing_lms.load.receipt import PickupState, Receipt, State
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.wording import plural

GOOD, QUIET, WAITING, ACT = "good", "quiet", "waiting", "act"


@dataclass(frozen=True)
class RunStatus:
    """The status of a run.

    :param tone: good, quiet (nothing was to be sent), waiting, or act (a person has to).
    """

    word: str
    tone: str
    sentence: str


def status_of(run: Run) -> RunStatus:
    """Return the status of a run: by the receipt, else by the outcome of load, else by the manifest."""
    if run.receipt and (known := _by_receipt(run.receipt)):
        return known
    if run.outcome and (known := _by_outcome(run.outcome)):
        return known
    guards = run.manifest.guards
    if crossed := [words for name, words in guards.crossed.items() if name not in guards.skipped]:
        return RunStatus("Stopped by a guard", ACT, f"{'; '.join(crossed)}. Nothing was sent.")
    if run.outcome:
        return RunStatus("Ended", QUIET, run.outcome.sentence)
    return RunStatus("Built", WAITING, "The file is built; nothing was sent yet.")


def _by_receipt(receipt: Receipt) -> RunStatus | None:
    rows = plural(receipt.rows, "row")
    if receipt.state == State.DELIVERED:
        return _delivered(receipt, f"{rows} {'was' if receipt.rows == 1 else 'were'}")
    word, tone, sentence = {
        State.WORKING: ("LMS at work", WAITING, f"The LMS works on {rows}; it will be asked again."),
        State.SENDING: ("Sending", WAITING, f"{rows} on the way, or interrupted; the next run finds out."),
        State.PARTLY: ("In part", WAITING, "The LMS took some of the files; the next run goes on."),
        State.UNKNOWN: ("Not known", ACT, "Whether the LMS took the file is not known; see the log of load."),
        State.FAILED: ("Import failed", ACT, "The LMS says that the import failed; its own log says why."),
    }.get(receipt.state, ("", "", ""))
    return RunStatus(word, tone, sentence) if word else None


def _delivered(receipt: Receipt, rows_were: str) -> RunStatus:
    """Return the status of a delivery: a dropped file may be picked up since, or answered."""
    refused = receipt.refused
    known = new_and_known(refused, receipt.known_refusals)
    but = f", which refused {plural(refused, 'row')}{known}" if refused else ""
    tone = WAITING if refused else GOOD
    state = receipt.pickup and receipt.pickup.state
    if state == PickupState.PICKED_UP:
        return RunStatus("Picked up", tone, f"{rows_were} picked up by the LMS{but}.")
    if state == PickupState.CONFIRMED:
        return RunStatus("Confirmed", tone, f"{rows_were} confirmed by the LMS.")
    if state == PickupState.REFUSED:
        return RunStatus("Refused in part", tone, f"{rows_were} answered by the LMS{but}.")
    if state == PickupState.REPLACED:
        return RunStatus("Replaced", QUIET, "The LMS did not fetch the file; a later one took its place.")
    known = _known(receipt)
    return RunStatus(known.partition(" ")[0].capitalize(), tone, f"{rows_were} {known}{but}.")


def _known(receipt: Receipt) -> str:
    known = receipt.known or "sent"
    if known.startswith("dropped"):
        return "dropped where the LMS fetches them"
    return known.removesuffix(receipt.where).rstrip()


def _by_outcome(outcome: StagedOutcome) -> RunStatus | None:
    word, tone = {
        OutcomeKind.NOTHING_TO_SEND: ("Up to date", GOOD),
        OutcomeKind.ALREADY_DELIVERED: ("Sent before", GOOD),
        OutcomeKind.DRY_RUN: ("Dry run", QUIET),
        OutcomeKind.CHECKED: ("Check", QUIET),
        OutcomeKind.HELD: ("On hold", QUIET),
        OutcomeKind.WORKING: ("LMS at work", WAITING),
        OutcomeKind.STOPPED: ("Stopped", ACT),
    }.get(outcome.kind, ("", ""))
    return RunStatus(word, tone, outcome.sentence) if word else None
