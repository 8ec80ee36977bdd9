"""One day of a large ledger in a process of its own: FOLDER [first]. Tells rows and megabytes."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.ledger import append, open_ledger
from tests.ledger.telling import ABOUT, day

LEARNERS = 1_000_000
CHANGED = 8_000


def told(learners):
    """Return rows of so many learners, made by columns."""
    numbers = pc.cast(pa.array(np.arange(learners)), pa.string())
    constant = {"course": "java", "course_id": "J-1", "hundredths": 5000 + learners % 7, "status": 1}
    columns = {name: pa.repeat(value, learners) for name, value in constant.items()}
    email = pc.binary_join_element_wise(numbers, "first.last@example.com", ".")
    return pa.table({"employee_id": numbers, "user_key": numbers, "email": email, **columns})


def main(folder, learners, number):
    """Open the ledger, tell it so many rows and that all others are unchanged."""
    table = told(learners)
    ledger = open_ledger(folder)
    seen = np.arange(len(ledger)) >= learners
    about = {"kind": "delivery", "as_of": day(number), "delivery": str(number), "destination": ABOUT}
    after = append(folder, ledger, [table], seen, about)
    sys.stdout.write(json.dumps({"rows": len(after), "megabytes": peak()}))


def peak():
    """Return the most memory this process ever had, in MB; what `getrusage` tells includes its parent's."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024


if __name__ == "__main__":
    first = sys.argv[2:] == ["first"]
    main(Path(sys.argv[1]), LEARNERS if first else CHANGED, 1 if first else 2)
