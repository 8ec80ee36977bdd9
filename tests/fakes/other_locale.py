"""What a script prints where people speak another language and live in another time zone."""

import os
import subprocess
import sys

from tests.paths import ROOT

AT_HOME_THERE = """
import locale
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
"""


def printed_abroad(script, folder, *abroad):
    """Run a script at home, then abroad, in a time zone and a language; return what each printed.

    :param folder: its folders `0` and `1` are the script's argument.
    """
    outputs = []
    for number, (zone, language) in enumerate([("UTC", "C"), abroad]):
        own = folder / str(number)
        own.mkdir()
        env = os.environ | {"TZ": zone, "LC_ALL": language, "PYTHONHASHSEED": str(number), "PYTHONPATH": "."}
        command = [sys.executable, "-c", AT_HOME_THERE + script, str(own)]
        outputs.append(subprocess.run(command, env=env, capture_output=True, check=True, cwd=ROOT).stdout)
    return outputs
