"""An order of the admin DAG on the desk: what it concerns, and how it gets into the journal."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from include.codebashing_lms import ledger
from include.codebashing_lms.admin.orders import Order, refused
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.dates import iso
from include.codebashing_lms.deliveries import Book, open_deliveries
from include.codebashing_lms.people import Locate
from include.codebashing_lms.staging import StagedPath


@dataclass(frozen=True)
class Desk:
    """An order with all it concerns.

    :param connector_sha256: of the connector file.
    :param home: <staging>/<connector>
    """

    connector: Connector
    connector_sha256: str
    home: StagedPath
    order: Order
    locate: Locate
    now: datetime

    @property
    def book(self) -> Book:
        """Return journal and ledger of the destination that the connector file names now."""
        return Book(*ledger.destination_folder(self.home, self.connector))

    @property
    def delivery(self) -> str:
        """Return the ID of the order's entry, the same for all tries of its run."""
        return f"{self.order.action} {self.order.run_id}"

    def facts(self, kind: str) -> dict[str, Any]:
        """Return what the journal keeps of the order: who, why, when."""
        order = self.order
        receipt = {
            "delivery": self.delivery,
            "as_of": iso(self.now),
            "run_id": order.run_id,
            "connector": self.connector.name,
            "connector_sha256": self.connector_sha256,
            "triggered_by": order.triggered_by,
            "reason": order.reason,
        }
        return self.book.facts(receipt, kind)

    def write(self, kind: str, now: ledger.Ledger, rows: Iterable[pa.Table], **facts: Any) -> int:
        """Put the order into the journal; return the number of its entry."""
        unseen = np.zeros(len(now), dtype=np.bool_)
        return ledger.append(self.book.folder, now, rows, unseen, self.facts(kind) | facts).number

    def refuse_while_open(self) -> None:
        """Raise ConnectorError while a delivery is on its way: it would be entered after the order."""
        found = open_deliveries(self.home)
        if found:
            raise refused(
                f"a delivery is under way, or was cut off: {', '.join(found)}. Wait until load has ended, or "
                "let the next run settle it; where that run asks for a person, use the action settle first"
            )
