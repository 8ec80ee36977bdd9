"""Judges every record of a snapshot and writes what the LMS, people and the next task read.

reading    the wanted keys of a batch of records, as columns of plain values
values     one column of plain values into numbers, texts and instants
learners   rules about the person: form, exclusion, employee ID, e-mail
progress   rules about a learner on a course: values, percentage, status, course
spool      the judged batches, kept on local disk between the two passes
past       rules about a past date: what of a later snapshot is certain
earlier    what the nearest earlier snapshot said, to contradict it
contested  rules over the whole snapshot: conflicting and duplicate learners
needs      what the profile needs of a record; user_keys by which key the LMS knows a learner
rows       the cells of the LMS file; grammar how they are written, statements those of xAPI
lms_file   the LMS file of these, in lms_parts; and staged_rows the same rows for the next task
judging    the first pass; writing the second; run both, with the guards and the manifest. In each pass a
           second thread makes the next batch while the first one is at work on the last
"""

from include.codebashing_lms.transform.earlier import EarlierReading
from include.codebashing_lms.transform.facts import RunFacts
from include.codebashing_lms.transform.run import transform

__all__ = ["EarlierReading", "RunFacts", "transform"]
