"""Runs a command of the product in a process that has imported what a task of such a DAG imports.

python -m bench.in_airflow render --connector …
"""

import os
import sys
import tempfile


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        import airflow.sdk  # noqa: F401
        from airflow.providers.http.operators.http import HttpOperator  # noqa: F401

        from include.codebashing_lms.__main__ import main

        return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
