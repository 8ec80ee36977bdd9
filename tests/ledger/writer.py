"""A process that appends to a journal again and again: FOLDER NAME ROUNDS ROWS."""

import sys
from pathlib import Path

import numpy as np

from include.codebashing_lms.errors import LedgerConflictError
from include.codebashing_lms.ledger.journal import append, open_ledger
from tests.ledger.journal_entries import DESTINATION, day, row, rows


def rows_of_delivery(name, number, how_many):
    """Return the rows of a writer's n-th delivery: half its own, half everybody's."""
    return rows(
        *(row(f"{name}-{number}-{at}") for at in range(how_many // 2)),
        *(row(str(at), percent=number % 100) for at in range(how_many // 2)),
    )


def report(line):
    """Print a line for the test, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(folder, name, rounds, how_many):
    """Wait for a line, then append, again whenever another writer was first; print each delivery."""
    report("ready")
    sys.stdin.readline()
    for number in range(rounds):
        delivery = f"{name}-{number}"
        about = {"kind": "delivery", "as_of": day(1 + number % 28), "delivery": delivery, "destination": DESTINATION}
        table = rows_of_delivery(name, number, how_many)
        while True:
            ledger = open_ledger(folder)
            try:
                append(folder, ledger, [table], np.ones(len(ledger), dtype=np.bool_), about)
                break
            except LedgerConflictError:
                report("moved")
        report(delivery)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
