"""What the tasks of our DAGs do: a module per operator, imported when its task runs.

extract    the run's date, and sessions with Codebashing
transform  the snapshot and the run
load       the run and the LMS's connection
report     a run and how it ended, for LMS administrators
notify     a run and how it ended, for the person on call
admin      one action on one connector's ledger
"""
