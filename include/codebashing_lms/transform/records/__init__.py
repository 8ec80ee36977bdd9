"""What a record is between the steps of transform, and for load.

columns        what the columns of learners and records hold
dates          columns of dates: each is an instant or a day
dispositions   what becomes of a record: all reasons of transform and load, with their words and remedies
spool          checked batches, kept on local disk between the two passes
"""
