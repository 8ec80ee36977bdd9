"""Runs a script in the usual locale and time zone, and in others."""

import os
import subprocess
import sys

from tests.paths import ROOT

SET_LOCALE = """
import locale
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
"""


def printed_abroad(script, folder, *abroad):
    """Run a script in UTC and C, then in another time zone and locale; return both outputs.

    :param folder: each run has a folder in it, `0` or `1`, as the script's argument.
    :param abroad: the other time zone and locale.
    """
    outputs = []
    for number, (zone, language) in enumerate([("UTC", "C"), abroad]):
        own = folder / str(number)
        own.mkdir()
        env = os.environ | {"TZ": zone, "LC_ALL": language, "PYTHONHASHSEED": str(number), "PYTHONPATH": "."}
        command = [sys.executable, "-c", SET_LOCALE + script, str(own)]
        outputs.append(subprocess.run(command, env=env, capture_output=True, check=True, cwd=ROOT).stdout)
    return outputs
