"""Rules about the person, one row a record of the snapshot: form, exclusion, employee ID, e-mail."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from include.codebashing_lms.connector import Identity
from include.codebashing_lms.people import Person
from include.codebashing_lms.transform.batches import Batch
from include.codebashing_lms.transform.fates import Fate
from include.codebashing_lms.transform.keys import Keys
from include.codebashing_lms.transform.values import (
    NOT_TEXT,
    Bools,
    arrow_text,
    email_texts,
    employee_id_texts,
    instants,
)


@dataclass(frozen=True)
class IdentityRules:
    """How a record finds its employee, ready for use."""

    pattern: re.Pattern[str]
    use_email: bool
    people: dict[str, Person]

    @classmethod
    def of(cls, identity: Identity, people: dict[str, Person]) -> "IdentityRules":
        """Return the rules of a connector file, with HR's word on single people."""
        return cls(re.compile(identity.pattern), identity.on_missing == "use_email", people)


def read_learners(batch: Batch, keys: Keys, rules: IdentityRules) -> pd.DataFrame:
    """Return a row a record: employee_id and email (text or null), active_at (UTC), active_odd and fate."""
    emails = email_texts(batch.columns[keys.email])
    ids = employee_id_texts(batch.columns[keys.employee_id])
    for texts in (emails, ids):
        for at in arrow_text(texts)[1]:
            texts[at] = NOT_TEXT
    ids, fates = identify(ids, emails, rules)
    active = instants(batch.columns[keys.active_at])
    return pd.DataFrame(
        {
            "employee_id": text_series(ids),
            "email": text_series(emails),
            "active_at": active.found,
            "active_odd": active.odd,
            "fate": np.where(batch.objects, fates, np.int8(Fate.NOT_AN_OBJECT)),
        }
    )


def text_series(texts: list[str | None]) -> pd.Series:
    """Return texts as a column, null where there is none or none that can be shown."""
    shown = [None if text is NOT_TEXT else text for text in texts]
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(shown, pa.string())))


def identify(
    ids: list[str | None], emails: list[str | None], rules: IdentityRules
) -> tuple[list[str | None], npt.NDArray[np.int8]]:
    """Return the IDs that people's records are keyed by, and for each EMITTED or the first fault found."""
    lower = [email.lower() if email else None for email in emails]
    ids, excluded = _heard(ids, lower, rules.people)
    own_email = [one is not None and one.lower() == email for one, email in zip(ids, lower, strict=True)]
    fits = rules.pattern.fullmatch
    unfit = [one is not None and (one is NOT_TEXT or not fits(one)) for one in ids]
    no_email = np.array([email is NOT_TEXT for email in emails], dtype=np.bool_)
    missing = np.array([one is None for one in ids], dtype=np.bool_)
    instead = np.zeros(len(ids), dtype=np.bool_)
    if rules.use_email:
        has_email = np.array([bool(email) for email in emails], dtype=np.bool_) & ~no_email
        instead = has_email & (missing | own_email) & ~excluded
        ids = [email if here else one for one, email, here in zip(ids, lower, instead.tolist(), strict=True)]
    fates = np.select(
        [excluded, instead, missing, np.array(unfit, np.bool_) | own_email, no_email],
        [
            Fate.EXCLUDED,
            Fate.EMITTED,
            Fate.MISSING_EMPLOYEE_ID,
            Fate.INVALID_EMPLOYEE_ID,
            Fate.INVALID_EMAIL,
        ],
        Fate.EMITTED,
    )
    return ids, fates.astype(np.int8)


def _heard(
    ids: list[str | None], emails: list[str | None], people: dict[str, Person]
) -> tuple[list[str | None], Bools]:
    """Return the IDs as HR corrected them, and whom HR excluded."""
    excluded = np.zeros(len(ids), dtype=np.bool_)
    if not people:
        return ids, excluded
    ids = list(ids)
    for at, email in enumerate(emails):
        person = people.get(email) if email else None
        excluded[at] = person is not None and person.action == "exclude"
        if person and person.action == "use_id":
            ids[at] = person.employee_id
    return ids, excluded
