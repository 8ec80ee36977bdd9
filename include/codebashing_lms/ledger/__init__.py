"""What an LMS was sent: an append-only journal, and the ledger that it adds up to.

<staging>/<connector>/ledger/<destination>/
    destination.json           who the LMS is
    journal/000001.parquet     one immutable entry per delivery or observation
    versions/000001.parquet    the last values per learner and course after that entry

destinations     the ledger of a connector's LMS
journal          opens a ledger, and appends an entry to its journal
fold             how an entry changes the ledger: one pure function
versions         folds entries into versions of the ledger, some buckets at a time
schema           the columns of ledger and journal, and the metadata of an entry
buckets          the bucket of an employee
numbered_files   files with a number that only one writer gets
maintenance      rebuild, roll back, purge

An entry and a version each appear whole. The journal is the truth: every version can be folded from it again.
Both keep their rows in the order of the buckets, so that no task needs all rows in memory.
"""
