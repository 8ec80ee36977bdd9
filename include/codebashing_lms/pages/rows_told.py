"""How many rows of a run were news to the LMS, and how many it refused: counted in what load staged."""

import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.pages.runs import Cache, Run
from include.codebashing_lms.sent_rows import REFUSED_FILE, TOLD_FILE
from include.codebashing_lms.staging import local_copy

_counts = Cache(5_000)


def news(run: Run) -> int:
    """Return how many rows were new or changed and went to the LMS."""
    return _counted(run, TOLD_FILE)


def refused(run: Run) -> int:
    """Return how many rows the LMS refused of what this run sent."""
    return _counted(run, REFUSED_FILE)


def _counted(run: Run, name: str) -> int:
    stamp = run.listed.files.get(name)
    if stamp is None:
        return 0
    path = run.folder / name

    def count() -> int:
        """Count the rows that were sent, but for those that the LMS had before."""
        with local_copy(path) as copy, pq.ParquetFile(copy) as file:
            if not {"sent", "known"} <= set(file.schema_arrow.names):
                return int(file.metadata.num_rows)
            table = file.read(["sent", "known"])
        known = pc.fill_null(table["known"], False)
        return int(pc.sum(pc.and_(pc.fill_null(table["sent"], False), pc.invert(known))).as_py() or 0)

    counted: int = _counts.get((str(path), stamp), count)
    return counted
