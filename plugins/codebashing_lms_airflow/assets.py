"""The records in the LMS as an Airflow asset: another DAG can be scheduled to run after a delivery."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, Context

from include.codebashing_lms.config.connector import Connector

if TYPE_CHECKING:  # load and transform are imported when a task runs, not when a DAG file is parsed
    from include.codebashing_lms.load.outcome import Outcome
    from include.codebashing_lms.transform.manifest import Manifest


def asset_of(connector: Connector) -> Asset:
    """Return the asset of a connector: the records in its LMS."""
    return Asset(name=f"codebashing_lms/{connector.name}", uri=f"x-codebashing-lms://{connector.name}")


def outlet_of(connector: Connector) -> AssetAlias:
    """Return the outlet of load. It is an alias: an asset would get an event from every green load."""
    return AssetAlias(name=f"codebashing_lms/{connector.name}")


def emit_asset_event(connector: Connector, outcome: "Outcome", manifest: "Manifest", context: Context) -> None:
    """Emit an event of the asset, with the numbers of a delivery."""
    extra: dict[str, Any] = {
        "run_id": context["dag_run"].run_id,
        "as_of": manifest.as_of,
        "rows": outcome.rows,
        "file": outcome.file,
        "sha256": outcome.sha256,
        "set_aside": sum(manifest.records.set_aside.values()),
        "refused": outcome.refused or 0,
    }
    context["outlet_events"][outlet_of(connector)].add(asset_of(connector), extra=extra)
