"""What became of a run, as far as it is known, in one word for a badge and one sentence."""

from dataclasses import dataclass
from typing import Any

from include.codebashing_lms.load.outcome import STOPPED
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.wording import plural

GOOD, QUIET, WAITING, ACT = "good", "quiet", "waiting", "act"


@dataclass(frozen=True)
class RunStatus:
    """How a run ended.

    :param tone: good, quiet (nothing was meant to be sent), waiting, or act (a person has to).
    """

    word: str
    tone: str
    sentence: str


def status_of(run: Run) -> RunStatus:
    """Tell how a run ended; the receipt knows best, then what load noted, then the manifest."""
    if run.receipt and (known := _by_receipt(run)):
        return known
    if run.outcome and (known := _by_outcome(run)):
        return known
    crossed = _not_skipped(run)
    if crossed:
        return RunStatus("Stopped by a guard", ACT, f"{'; '.join(crossed)}. Nothing was sent.")
    if run.outcome:
        return RunStatus("Ended", QUIET, str(run.outcome["sentence"]))
    return RunStatus("Built", WAITING, "The file is built; nothing was sent yet.")


def _by_receipt(run: Run) -> RunStatus | None:
    receipt = run.receipt or {}
    rows = plural(receipt.get("rows", 0), "row")
    if receipt.get("state") == "delivered":
        return _delivered(receipt, f"{rows} {'was' if receipt.get('rows') == 1 else 'were'}")
    word, tone, sentence = {
        "working": ("LMS at work", WAITING, f"The LMS works on {rows}; it will be asked again."),
        "sending": ("Sending", WAITING, f"{rows} on the way, or cut off; the next run finds out."),
        "partly": ("In part", WAITING, "The LMS took some of the files; the next run goes on."),
        "unknown": ("Not known", ACT, "Whether the LMS took the file is not known; see the log of load."),
        "failed": ("Import failed", ACT, "The LMS says that the import failed; its own log says why."),
    }.get(str(receipt.get("state")), ("", "", ""))
    return RunStatus(word, tone, sentence) if word else None


def _delivered(receipt: dict[str, Any], rows_were: str) -> RunStatus:
    """Tell what is known of a delivery: what was dropped may have been picked up since, or answered."""
    refused = int(receipt.get("refused") or 0)
    but = f", which refused {plural(refused, 'row')}" if refused else ""
    tone = WAITING if refused else GOOD
    seen = (receipt.get("drop") or {}).get("state")
    if seen == "picked up":
        return RunStatus("Picked up", tone, f"{rows_were} picked up by the LMS{but}.")
    if seen == "confirmed":
        return RunStatus("Confirmed", tone, f"{rows_were} confirmed by the LMS.")
    if seen == "refused":
        return RunStatus("Refused in part", tone, f"{rows_were} answered by the LMS{but}.")
    if seen == "replaced":
        return RunStatus("Replaced", QUIET, "The LMS did not fetch the file; a later one took its place.")
    return RunStatus(
        _verdict(receipt).partition(" ")[0].capitalize(), tone, f"{rows_were} {_verdict(receipt)}{but}."
    )


def _verdict(receipt: dict[str, Any]) -> str:
    """Return what is known of the delivery, without the address: no more than that."""
    known = str(receipt.get("known") or "sent")
    if known.startswith("dropped"):
        return "dropped where the LMS fetches them"
    return known.removesuffix(str(receipt.get("where") or "")).rstrip()


def _by_outcome(run: Run) -> RunStatus | None:
    outcome = run.outcome or {}
    word, tone = {
        "nothing_to_send": ("Up to date", GOOD),
        "already_delivered": ("Sent before", GOOD),
        "dry_run": ("Dry run", QUIET),
        "checked": ("Check", QUIET),
        "held": ("On hold", QUIET),
        "working": ("LMS at work", WAITING),
        STOPPED: ("Stopped", ACT),
    }.get(outcome["outcome"], ("", ""))
    return RunStatus(word, tone, str(outcome["sentence"])) if word else None


def _not_skipped(run: Run) -> list[str]:
    guards = run.manifest.guards
    return [words for name, words in guards.crossed.items() if name not in guards.skipped]
