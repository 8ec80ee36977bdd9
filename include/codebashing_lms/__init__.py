"""Codebashing training progress for an LMS, without Airflow.

The three steps of a run, each with a package and one function in its module `run`:

extract      ask Codebashing, or the archive, and stage the raw snapshot
transform    snapshot → LMS file, set-aside list, manifest (pandas)
load         compare with what was sent before, deliver, remember

What the steps stand on:

delivery     transports: how a file gets to an LMS; knows neither ledger nor transform
ledger       what an LMS was sent: an append-only journal, and the ledger that it adds up to
config       what a customer writes: connector file, LMS profiles, CSV lists
connections  sessions with other systems over HTTP and SFTP: verified, abortable, with explained failures
staging      files between tasks: atomic, exclusive, on disk or in a bucket; the names of all files of a run
streaming    data larger than memory: JSON splitting, prefetch, partitioning

What tells people, and what they ask for:

reporting    views of the page, report.html, alerts
admin        what a person may do to the ledger, by the DAG codebashing_lms_admin
cli          what only the command line needs

errors       every error: who must act, and what to do
dates        instants and days as text; no locale, no system time zone
"""

__version__ = "0.1.0"
