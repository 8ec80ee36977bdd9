"""Step 2: a snapshot becomes the LMS file, set_aside.csv and manifest.json (pandas).

run            transform(): two passes over the snapshot, guards, manifest
manifest       manifest.json as a type, read and written here
context        what a run is besides its records
first_pass     decode each record and check it by itself
second_pass    resolve duplicates, apply the profile, write the files
guards         limits within one snapshot
counts         the numbers of the manifest
lists          set_aside.csv and left_out.parquet, which people read
rows_file      rows.parquet, which load reads

records/       what a record is between the steps; imports nothing of ours
decode/        JSON records become columns
rules/         what becomes of a record: a module per family of rules
lms_file/      the file that an LMS imports; load writes with the same code again
"""
