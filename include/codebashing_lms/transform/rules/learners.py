"""Rules about the person, one row a record of the snapshot: form, exclusion, employee ID, e-mail."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from include.codebashing_lms.config.lists import Person
from include.codebashing_lms.config.source import Identity
from include.codebashing_lms.transform.decode.batches import Batch
from include.codebashing_lms.transform.decode.dates import parse_dates
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.decode.values import arrow_text, email_texts, employee_id_texts
from include.codebashing_lms.transform.records.columns import NOT_TEXT, Bools
from include.codebashing_lms.transform.records.dispositions import Disposition


@dataclass(frozen=True)
class IdentityRules:
    """How the employee of a record is found."""

    pattern: re.Pattern[str]
    use_email: bool
    people: dict[str, Person]

    @classmethod
    def of(cls, identity: Identity, people: dict[str, Person]) -> "IdentityRules":
        """Return the rules of a connector file, with the people list of HR."""
        return cls(re.compile(identity.pattern), identity.on_missing == "use_email", people)


def read_learners(batch: Batch, keys: SourceKeys, rules: IdentityRules) -> pd.DataFrame:
    """Return a row a record.

    Columns: employee_id and email (text or null), active_at and active_is_day (see
    records/dates.py), active_odd (no date), disposition.
    """
    emails = email_texts(batch.columns[keys.email])
    ids = employee_id_texts(batch.columns[keys.employee_id])
    for texts in (emails, ids):
        for at in arrow_text(texts)[1]:
            texts[at] = NOT_TEXT
    ids, dispositions = identify(ids, emails, rules)
    active = parse_dates(batch.columns[keys.active_at], keys.zone)
    return pd.DataFrame(
        {
            "employee_id": text_series(ids),
            "email": text_series(emails),
            **active.found.columns("active"),
            "active_odd": active.odd,
            "disposition": np.where(batch.objects, dispositions, np.int8(Disposition.NOT_AN_OBJECT)),
        }
    )


def lost_zeros(batch: Batch, keys: SourceKeys, people: dict[str, Person]) -> int:
    """Return for how many learners use_id gives the source's own ID without the zeros before it."""
    numbers = {
        email: one.employee_id
        for email, one in people.items()
        if one.action == "use_id" and one.employee_id and one.employee_id.isdigit()
    }
    if not numbers:
        return 0
    emails, ids = email_texts(batch.columns[keys.email]), employee_id_texts(batch.columns[keys.employee_id])
    pairs = ((numbers.get((email or "").lower()), own) for email, own in zip(emails, ids, strict=True))
    return sum(bool(new and own and own != new and own.lstrip("0") == new) for new, own in pairs)


def text_series(texts: list[str | None]) -> pd.Series:
    """Return texts as a column, null for None and NOT_TEXT."""
    if NOT_TEXT in texts:
        texts = [None if text is NOT_TEXT else text for text in texts]
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(texts, pa.string())))


def identify(
    ids: list[str | None], emails: list[str | None], rules: IdentityRules
) -> tuple[list[str | None], npt.NDArray[np.int8]]:
    """Return the ID of each learner, and EMITTED or the first fault that is found."""
    lower = [email.lower() if email else None for email in emails]
    ids, excluded = _apply_people_list(ids, lower, rules.people)
    fits = rules.pattern.fullmatch
    good = [
        one is not None and one is not NOT_TEXT and fits(one) is not None and one.lower() != email
        for one, email in zip(ids, lower, strict=True)
    ]
    dispositions = np.full(len(ids), Disposition.EMITTED, dtype=np.int8)
    for at in np.flatnonzero(~np.array(good, dtype=np.bool_)).tolist():
        no_other = ids[at] is None or str(ids[at]).lower() == lower[at]
        if rules.use_email and lower[at] and no_other and emails[at] is not NOT_TEXT and not excluded[at]:
            ids[at] = lower[at]
        else:
            dispositions[at] = Disposition.MISSING_EMPLOYEE_ID if ids[at] is None else Disposition.INVALID_EMPLOYEE_ID
    if NOT_TEXT in emails:
        no_email = np.array([email is NOT_TEXT for email in emails], dtype=np.bool_)
        dispositions[no_email & (dispositions == Disposition.EMITTED)] = Disposition.INVALID_EMAIL
    dispositions[excluded] = Disposition.EXCLUDED
    return ids, dispositions


def _apply_people_list(
    ids: list[str | None], emails: list[str | None], people: dict[str, Person]
) -> tuple[list[str | None], Bools]:
    ids, excluded = list(ids), np.zeros(len(ids), dtype=np.bool_)
    if not people:
        return ids, excluded
    for at, email in enumerate(emails):
        person = people.get(email) if email else None
        excluded[at] = person is not None and person.action == "exclude"
        if person and person.action == "use_id":
            ids[at] = person.employee_id
    return ids, excluded
