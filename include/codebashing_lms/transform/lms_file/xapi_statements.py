"""xAPI statements: one statement a row. The same row always gives the same statement.

The id of a statement is made from learner, course and result, so that a learning record store that has the
statement takes no second one. A percentage goes as cmi5's progress, in whole percent; it is no score.
"""

import json
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.config.profiles.contract import Contract

VERBS = "http://adlnet.gov/expapi/verbs/"
COURSE = "http://adlnet.gov/expapi/activities/course"
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"
OF_AN_IRI = "-._~:@!$&'()*+,;=/"  # signs that may stand in a path as they are

Cells = tuple[pa.Array, Any]


def render_statements(contract: Contract, cells: list[Cells]) -> pa.Array:
    """Return a statement for each row.

    :param cells: the columns of the profile: user key, course id, course title, verb, progress, date of
        completion, and when this progress is sent first.
    """
    user_key, course_id, title, verb, progress, completed_at, sent_at = (
        texts.take(pa.array(np.asarray(numbers))) for texts, numbers in cells
    )
    completed = pc.equal(verb, "completed")
    timestamp = pc.replace_substring(pc.if_else(completed, completed_at, sent_at), "Z", ".000Z")
    result = pc.binary_join_element_wise(verb, pc.if_else(completed, timestamp, progress), "|")
    names = pc.binary_join_element_wise(user_key, course_id, result, "|")
    home = _json(contract.options["home_page"])
    namespace = uuid5(NAMESPACE_URL, contract.options["namespace"] or contract.options["activities"])
    return pc.binary_join_element_wise(
        '{"id":"',
        pa.array([str(uuid5(namespace, name)) for name in names.to_pylist()], pa.string()),
        f'","actor":{{"objectType":"Agent","account":{{"homePage":{home},"name":',
        pa.array([_json(text) for text in user_key.to_pylist()], pa.string()),
        '}},"verb":{"id":"' + VERBS,
        verb,
        '","display":{"en-US":"',
        verb,
        '"}},"object":',
        _activities(contract.options["activities"], course_id, title),
        ',"result":',
        _results(completed, progress),
        ',"timestamp":"',
        timestamp,
        '"}',
        "",
    )


def _activities(base: str, ids: pa.Array, titles: pa.Array) -> pa.Array:
    pairs = pc.binary_join_element_wise(ids, titles, "\0").dictionary_encode()
    known = [_activity(base, *pair.split("\0", 1)) for pair in pairs.dictionary.to_pylist()]
    return pa.array(known, pa.string()).take(pairs.indices)


def _activity(base: str, id_: str, title: str) -> str:
    name = {"name": {"en-US": title}} if title else {}
    activity = {"objectType": "Activity", "id": base + quote(id_, safe=OF_AN_IRI)}
    return _json({**activity, "definition": {**name, "type": COURSE}})


def _results(completed: pa.Array, progress: pa.Array) -> pa.Array:
    before, after = _json({"completion": False, "extensions": {PROGRESS: "?"}}).split('"?"')
    partly = pc.binary_join_element_wise(before, progress, after, "")
    return pc.if_else(completed, _json({"completion": True}), partly)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
