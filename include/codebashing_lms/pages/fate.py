"""What became of a run, as far as it is known, in one word for a badge and one sentence."""

from dataclasses import dataclass
from typing import Any

from include.codebashing_lms.outcome import STOPPED
from include.codebashing_lms.pages.runs import Run
from include.codebashing_lms.pages.words import plural

GOOD, QUIET, WAITING, ACT = "good", "quiet", "waiting", "act"


@dataclass(frozen=True)
class Became:
    """How a run ended.

    :param tone: good, quiet (nothing was meant to be sent), waiting, or act (a person has to).
    """

    word: str
    tone: str
    sentence: str


def became(run: Run) -> Became:
    """Tell how a run ended; the receipt knows best, then what load noted, then the manifest."""
    if run.receipt and (known := _by_receipt(run)):
        return known
    if run.outcome and (known := _by_outcome(run)):
        return known
    crossed = _not_skipped(run)
    if crossed:
        return Became("Stopped by a guard", ACT, f"{'; '.join(crossed)}. Nothing was sent.")
    if run.outcome:
        return Became("Ended", QUIET, str(run.outcome["sentence"]))
    return Became("Built", WAITING, "The file is built; nothing was sent yet.")


def _by_receipt(run: Run) -> Became | None:
    receipt = run.receipt or {}
    rows, state = plural(receipt.get("rows", 0), "row"), receipt.get("state")
    if state == "delivered":
        were = "was" if receipt.get("rows") == 1 else "were"
        return Became(_verdict_word(receipt), GOOD, f"{rows} {were} {_verdict(receipt)}.")
    if state == "working":
        return Became("LMS at work", WAITING, f"The LMS works on {rows}; it will be asked again.")
    if state == "sending":
        return Became("Sending", WAITING, f"{rows} on the way, or cut off; the next run finds out.")
    if state == "unknown":
        return Became(
            "Not known", ACT, "Whether the LMS took the file is not known; its rows are told again."
        )
    return None


def _verdict(receipt: dict[str, Any]) -> str:
    """Return what is known of the delivery, without the address: no more than that."""
    known = str(receipt.get("known") or "sent")
    if known.startswith("dropped"):
        return "dropped where the LMS fetches them"
    return known.removesuffix(str(receipt.get("where") or "")).rstrip()


def _verdict_word(receipt: dict[str, Any]) -> str:
    """Return the first word of what is known: dropped, accepted, loaded, …"""
    return _verdict(receipt).partition(" ")[0].capitalize()


def _by_outcome(run: Run) -> Became | None:
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
    return Became(word, tone, str(outcome["sentence"])) if word else None


def _not_skipped(run: Run) -> list[str]:
    guards = run.manifest.get("guards") or {}
    skipped = set(guards.get("skipped") or ())
    return [words for name, words in (guards.get("crossed") or {}).items() if name not in skipped]
