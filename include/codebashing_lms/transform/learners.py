"""Rules about the person, one row a record of the snapshot: form, exclusion, employee ID, e-mail."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from include.codebashing_lms.connector import Identity
from include.codebashing_lms.people import Person
from include.codebashing_lms.transform.batches import Batch
from include.codebashing_lms.transform.fates import Fate
from include.codebashing_lms.transform.keys import Keys
from include.codebashing_lms.transform.values import (
    NOT_TEXT,
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
    found = [identify(one, email, rules) for one, email in zip(ids, emails, strict=True)]
    active = instants(batch.columns[keys.active_at])
    fates = np.array([fate for _, fate in found], dtype=np.int8)
    return pd.DataFrame(
        {
            "employee_id": text_series([employee_id for employee_id, _ in found]),
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


def identify(employee_id: str | None, email: str | None, rules: IdentityRules) -> tuple[str | None, Fate]:
    """Return the ID that a person's records are keyed by, and EMITTED or the first fault found."""
    person = rules.people.get(email.lower()) if rules.people and email else None
    if person and person.action == "exclude":
        return employee_id, Fate.EXCLUDED
    if person and person.action == "use_id":
        employee_id = person.employee_id
    if (
        rules.use_email
        and email
        and email is not NOT_TEXT
        and (employee_id or email).lower() == email.lower()
    ):
        return email.lower(), Fate.EMITTED
    if employee_id is None:
        return None, Fate.MISSING_EMPLOYEE_ID
    if employee_id is NOT_TEXT or not rules.pattern.fullmatch(employee_id):
        return employee_id, Fate.INVALID_EMPLOYEE_ID
    if email and employee_id.lower() == email.lower():
        return employee_id, Fate.INVALID_EMPLOYEE_ID
    return employee_id, Fate.INVALID_EMAIL if email is NOT_TEXT else Fate.EMITTED
