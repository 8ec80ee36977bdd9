"""What a run is, besides its records."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class RunContext:
    """What the manifest says about a run, besides its numbers."""

    run_id: str | None
    triggered_by: str | None
    params: dict[str, Any]
    logical_date: datetime
    as_of: datetime
    extracted_at: datetime
    provenance: str
    connector_sha256: str
    fields: list[str] | None = None
    source_warnings: dict[str, int] = field(default_factory=dict)
    skip_guards: tuple[str, ...] = ()
    check_only: bool = False
