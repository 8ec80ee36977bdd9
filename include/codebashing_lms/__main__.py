"""Commands that need no Airflow: check, render, profiles, rebuild-ledger."""

import argparse
import gc
import json
import sys
from pathlib import Path
from typing import Any

from include.codebashing_lms.errors import CodebashingLmsError, ConnectorError, StagingError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m include.codebashing_lms", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="validate a connector file")
    check.add_argument("file", type=Path)
    check.add_argument("--lists", action="store_true", help="read the lists that the file names, too")
    render = commands.add_parser("render", help="turn a saved snapshot into the LMS file")
    render.add_argument("--connector", type=Path, required=True, metavar="FILE")
    render.add_argument("--snapshot", type=Path, required=True, metavar="FILE", help=".json, .json.gz or .json.zst")
    render.add_argument("--as-of", required=True, metavar="INSTANT", help="when it was read, e.g. 2026-11-23T05:00:00Z")
    render.add_argument("--out", type=Path, required=True, metavar="DIR")
    profiles = commands.add_parser("profiles", help="list the LMSs there are profiles for")
    profiles.add_argument("id", nargs="?", metavar="ID", help="one profile: settings, and files to copy")
    rebuild = commands.add_parser("rebuild-ledger", help="fold the ledger from its journal again")
    rebuild.add_argument("--connector", type=Path, required=True, metavar="FILE")
    rebuild.add_argument("--staging", type=Path, required=True, metavar="DIR", help="the staging area")
    options = parser.parse_args(arguments)
    gc.disable()
    try:
        return COMMANDS[options.command](options)
    except CodebashingLmsError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        gc.enable()


def _keep_modules() -> None:
    """Exempt modules from garbage collection: they stay, and searching them took a quarter of a short run."""
    gc.freeze()
    gc.enable()


def _check(options: argparse.Namespace) -> int:
    from include.codebashing_lms.config.files import read_connector

    _keep_modules()
    connector = read_connector(options.file)
    print(f"{options.file}: valid. It becomes the DAG {connector.dag_id}.")
    return _check_lists(connector, options.file.resolve().parent) if options.lists else 0


def _check_lists(connector: Any, folder: Path) -> int:
    from include.codebashing_lms.cli.lists import check_lists

    found = list(check_lists(connector, folder))
    for sentence, usable in found:
        print(sentence, file=sys.stdout if usable else sys.stderr)
    return 0 if all(usable for _, usable in found) else 1


def _render(options: argparse.Namespace) -> int:
    from include.codebashing_lms.config.files import read_connector, sha256_of_connector
    from include.codebashing_lms.dates import iso, parse_instant
    from include.codebashing_lms.transform.context import RunContext
    from include.codebashing_lms.transform.run import transform

    _keep_modules()
    connector = read_connector(options.connector)
    as_of = parse_instant(options.as_of)
    if as_of is None:
        raise ConnectorError(f"--as-of: {options.as_of!r} is no ISO 8601 instant such as 2026-11-23T05:00:00Z.")
    context = RunContext(
        run_id=None,
        triggered_by=None,
        params={},
        logical_date=as_of,
        as_of=as_of,
        extracted_at=as_of,
        provenance="rendered",
        connector_sha256=sha256_of_connector(options.connector),
    )
    folder = options.connector.resolve().parent
    summary = transform(connector, options.snapshot, None, options.out, context, folder.joinpath)
    print(json.dumps({"as_of": iso(as_of), "out": str(options.out), **summary}, indent=2))
    return 0


def _rebuild(options: argparse.Namespace) -> int:
    from include.codebashing_lms.config.files import read_connector
    from include.codebashing_lms.ledger.destinations import ledgers
    from include.codebashing_lms.ledger.maintenance import rebuild

    _keep_modules()
    connector = read_connector(options.connector)
    home = options.staging / connector.name
    folders = ledgers(home)
    if not folders:
        raise StagingError(f"{home} has no ledger. Is {options.staging} the staging area of your deployment?")
    for folder in folders:
        ledger = rebuild(folder)
        entries = "1 entry" if ledger.number == 1 else f"{ledger.number} entries"
        print(f"{folder.name}: {entries} of the journal, {len(ledger)} rows")
    return 0


def _profiles(options: argparse.Namespace) -> int:
    from include.codebashing_lms.cli.profiles import all_profiles, one_profile

    for line in one_profile(options.id) if options.id else all_profiles():
        print(line)
    return 0


COMMANDS = {"check": _check, "render": _render, "profiles": _profiles, "rebuild-ledger": _rebuild}


if __name__ == "__main__":
    sys.exit(main())
