"""An action of the admin DAG with its connector and ledger, and how it gets into the journal."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from include.codebashing_lms.admin.form import AdminForm, form_error
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver
from include.codebashing_lms.dates import iso
from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import append
from include.codebashing_lms.ledger.schema import EntryMetadata
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.load.in_flight import DestinationLedger, in_flight_ids
from include.codebashing_lms.staging.files import StagedPath


@dataclass(frozen=True)
class AdminRequest:
    """An action that a person asked for.

    :param connector_sha256: checksum of the connector file.
    :param home: <staging>/<connector>
    """

    connector: Connector
    connector_sha256: str
    home: StagedPath
    form: AdminForm
    resolve: PathResolver
    now: datetime

    @property
    def destination_ledger(self) -> DestinationLedger:
        """Return journal and ledger of the destination that the connector file names now."""
        return DestinationLedger(*destination_folder(self.home, self.connector))

    @property
    def delivery(self) -> str:
        """Return the ID of the action's entry, the same for all tries of its run."""
        return f"{self.form.action} {self.form.run_id}"

    def entry_metadata(self, kind: str) -> EntryMetadata:
        """Return the metadata of the action's entry: who, why, when."""
        form = self.form
        about = {
            "delivery": self.delivery,
            "as_of": iso(self.now),
            "run_id": form.run_id,
            "connector": self.connector.name,
            "connector_sha256": self.connector_sha256,
            "triggered_by": form.triggered_by,
            "reason": form.reason,
        }
        return self.destination_ledger.entry_metadata(kind, about)

    def write(self, kind: str, ledger: Ledger, rows: Iterable[pa.Table], **more: Any) -> int:
        """Add the action to the journal; return the number of its entry."""
        unchanged = np.zeros(len(ledger), dtype=np.bool_)
        meta = self.entry_metadata(kind) | more
        return append(self.destination_ledger.folder, ledger, rows, unchanged, meta).number

    def require_no_in_flight(self) -> None:
        """Raise ConnectorError while a delivery is in flight: its entry would follow the action's."""
        found = in_flight_ids(self.home)
        if found:
            raise form_error(
                f"a delivery is in flight, or was cut off: {', '.join(found)}. Wait until load has ended, or "
                "let the next run settle it; where that run asks for a person, use the action settle first"
            )
