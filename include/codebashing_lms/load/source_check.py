"""What a check found at Codebashing, in sentences."""

from include.codebashing_lms.transform.manifest import Manifest, SourceCheck

SHOWN, LENGTH = 60, 60  # how many names, and how many characters of each


def describe_source(manifest: Manifest) -> str:
    """Return from the manifest of a check how many learners have an ID, and which keys and courses exist."""
    seen, learners = manifest.seen or SourceCheck([], [], 0), manifest.learners
    with_id = learners - seen.learners_without_id
    share = f" ({100 * with_id / learners:.1f} %)" if learners else ""
    guards = "; ".join(f"{name}: {words}" for name, words in manifest.guards.crossed.items())
    return (
        f"Codebashing: {learners} learners were read, {with_id} of them{share} with an employee ID; "
        f"{manifest.records.emitted} records could be sent. Keys seen: {_named(seen.keys)}. "
        f"Courses seen: {_named(seen.courses)}. "
        f"{f'Guards that would stop a run: {guards}' if guards else 'No guard would stop a run'}."
    )


def _named(names: list[str]) -> str:
    """Return names for a log: no address, should the connector file name the wrong key."""
    shown = [name[:LENGTH] for name in names if "@" not in name][:SHOWN]
    more = [f"and {len(names) - len(shown)} more"] if len(names) > len(shown) else []
    return ", ".join([*shown, *more]) or "none"
