"""The user key by which the LMS knows a learner: employee ID, e-mail address, or a key of its own."""

from collections import Counter

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.identifiers import clean_id, is_clean_id
from include.codebashing_lms.config.lists import Crosswalk, PathResolver, read_crosswalk
from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.transform.records.columns import text_array
from include.codebashing_lms.transform.records.spool import Spool


class UserKeys:
    """Finds the LMS's user key of every learner.

    A key that two employees would share is given to neither, as a row under that key could be a wrong one.

    :param crosswalk: the customer's table, None where the key is known without one.
    :ivar lost_zeros: how many employees have no key because the table lacks the zeros before their ID.
    """

    def __init__(self, contract: Contract, crosswalk: Crosswalk | None) -> None:
        self.contract, self.crosswalk = contract, crosswalk
        self._shared = pa.array([], pa.string())
        self.lost_zeros = 0
        if crosswalk:
            pairs = list(crosswalk.user_keys.items())
            self._ids = pa.array([employee_id for employee_id, _ in pairs], pa.string())
            self._keys = pa.array([key for _, key in pairs], pa.string())

    @classmethod
    def of(cls, connector: Connector, resolve: PathResolver) -> "UserKeys":
        """Return the user keys of a connector, with its crosswalk read."""
        contract, location = connector.lms.contract, connector.identity.crosswalk
        lower = contract.lower_case_user_key
        return cls(contract, read_crosswalk(location, lower, resolve) if location else None)

    @property
    def is_employee_id(self) -> bool:
        """Return whether every learner's key is simply the employee ID."""
        lower = self.contract.lower_case_user_key
        return self.crosswalk is None and self.contract.employee_id_is_key and not lower

    def note_shared(self, spool: Spool) -> None:
        """Find the keys that several employees share, over all learners."""
        if self.is_employee_id:
            return
        pairs = [
            pa.table({"employee_id": text_array(learners["employee_id"]), "key": self._of(learners)})
            for learners, _ in spool.batches()
        ]
        if pairs:
            everybody = pa.concat_tables(pairs)
            self.lost_zeros = self._count_lost_zeros(everybody) if self.crosswalk else 0
            known = everybody.drop_null().group_by(["employee_id", "key"]).aggregate([])
            often = known.group_by("key").aggregate([("employee_id", "count")])
            self._shared = often.filter(pc.greater(often["employee_id_count"], 1))["key"].combine_chunks()

    def add_to(self, learners: pd.DataFrame) -> pd.DataFrame:
        """Return learners with their `user_key`, null where there is none."""
        if self.is_employee_id:
            return learners.assign(user_key=learners["employee_id"])
        keys = self._of(learners)
        keys = pc.if_else(pc.is_in(keys, value_set=self._shared), pa.scalar(None, pa.string()), keys)
        return learners.assign(user_key=pd.Series(keys, dtype=pd.ArrowDtype(pa.string()), index=learners.index))

    def _of(self, learners: pd.DataFrame) -> pa.Array:
        ids = text_array(learners["employee_id"])
        if self.crosswalk:
            return self._keys.take(pc.index_in(ids, value_set=self._ids))
        by_email = not self.contract.employee_id_is_key
        keys = _clean(text_array(learners["email"])) if by_email else ids
        keys = pc.if_else(pc.equal(keys, ""), pa.scalar(None, pa.string()), keys)
        return pc.utf8_lower(keys) if by_email or self.contract.lower_case_user_key else keys

    def _count_lost_zeros(self, everybody: pa.Table) -> int:
        ids = everybody.filter(pc.is_null(everybody["key"]))["employee_id"].unique().drop_null()
        numbers, listed = (one.filter(pc.utf8_is_digit(one)) for one in (ids, self._ids))
        without = pc.is_in(pc.utf8_ltrim(numbers, "0"), value_set=pc.utf8_ltrim(listed, "0"))
        same = pc.is_in(numbers, value_set=listed)  # its key is another employee's, too
        return int(pc.sum(pc.and_not(without, same)).as_py() or 0)

    def warnings(self) -> Counter[str]:
        """Return how many lines of the crosswalk are not used, by reason."""
        warnings: Counter[str] = Counter()
        if self.crosswalk:
            warnings["crosswalk_blank"] += len(self.crosswalk.blank)
            warnings["crosswalk_unclear"] += len(self.crosswalk.unclear)
            warnings["crosswalk_contradictory"] += self.crosswalk.contradictory
            warnings["crosswalk_shared"] += self.crosswalk.shared
        return warnings


def _clean(keys: pa.Array) -> pa.Array:
    known = keys.dictionary_encode()
    texts = [clean_id(text) for text in known.dictionary.to_pylist()]
    clean = pa.array([text if is_clean_id(text) else None for text in texts], pa.string())
    return clean.take(known.indices)
