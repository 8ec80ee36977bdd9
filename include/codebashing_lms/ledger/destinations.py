"""The ledger of a connector's LMS, and the other LMSs that the connector delivered to."""

import hashlib
import json
from typing import Any

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.ledger.numbered_files import names_in
from include.codebashing_lms.staging.files import StagedPath, read_json
from include.codebashing_lms.staging.layout import DESTINATION, LEDGERS

Description = dict[str, str]
IDENTITY = ("profile", "method", "conn_id", "where")


def destination_folder(home: Any, connector: Connector) -> tuple[Any, Description]:
    """Return the folder of the ledger of a connector's LMS, and the description of that LMS.

    :param home: <staging>/<connector>
    """
    delivery = connector.delivery
    description = {
        "profile": connector.lms.profile,
        "method": delivery.method,
        "conn_id": getattr(delivery, "conn_id", ""),
        "where": delivery.endpoint if isinstance(delivery, HttpDelivery) else delivery.directory,
    }
    return ledger_folder(home, description), description


def ledger_folder(home: Any, description: Description) -> Any:
    """Return the folder of an LMS's ledger: another destination, another ledger."""
    identity = json.dumps([description[name] for name in IDENTITY]).encode()
    return home / LEDGERS / hashlib.sha256(identity).hexdigest()[:16]


def ledgers(home: Any) -> list[Any]:
    """Return the folders of all ledgers of a connector."""
    folder: StagedPath = home / LEDGERS
    return [folder / name for name in sorted(names_in(folder)) if not name.startswith(".")]


def other_destinations(home: Any, connector: Connector) -> list[str]:
    """Describe the other destinations of a connector; none unless its destination was changed."""
    own, _ = destination_folder(home, connector)
    others = [folder for folder in ledgers(home) if folder.name != own.name]
    return [_describe(read_json(one / DESTINATION)) for one in others if DESTINATION in names_in(one)]


def _describe(description: Description) -> str:
    by = f" by the connection {description['conn_id']}" if description["conn_id"] else ""
    return f"{description['where']} ({description['method']}{by}, profile {description['profile']})"
