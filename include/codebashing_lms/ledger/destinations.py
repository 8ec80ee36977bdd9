"""Which ledger belongs to a connector's LMS, and whom it delivered to before."""

import hashlib
import json
from typing import Any

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.ledger.journal import DESCRIPTION
from include.codebashing_lms.ledger.numbered_files import names_in
from include.codebashing_lms.staging.files import StagedPath, read_json

Description = dict[str, str]
IDENTITY = ("profile", "method", "conn_id", "where")


def destination_folder(home: Any, connector: Connector) -> tuple[Any, Description]:
    """Return where the ledger of a connector's LMS lies, and who that LMS is.

    :param home: <staging>/<connector>
    """
    delivery = connector.delivery
    about = {
        "profile": connector.lms.profile,
        "method": delivery.method,
        "conn_id": getattr(delivery, "conn_id", ""),
        "where": delivery.endpoint if isinstance(delivery, HttpDelivery) else delivery.directory,
    }
    return ledger_folder(home, about), about


def ledger_folder(home: Any, about: Description) -> Any:
    """Return where the ledger of an LMS lies."""
    identity = json.dumps([about[name] for name in IDENTITY]).encode()
    return home / "ledger" / hashlib.sha256(identity).hexdigest()[:16]


def ledgers(home: Any) -> list[Any]:
    """Return the folders of all ledgers of a connector."""
    folder: StagedPath = home / "ledger"
    return [folder / name for name in sorted(names_in(folder)) if not name.startswith(".")]


def other_destinations(home: Any, connector: Connector) -> list[str]:
    """Say whom else a connector delivered to; empty unless its destination was changed."""
    own, _ = destination_folder(home, connector)
    others = [folder for folder in ledgers(home) if folder.name != own.name]
    return [_in_words(read_json(one / DESCRIPTION)) for one in others if DESCRIPTION in names_in(one)]


def _in_words(about: Description) -> str:
    by = f" by the connection {about['conn_id']}" if about["conn_id"] else ""
    return f"{about['where']} ({about['method']}{by}, profile {about['profile']})"
