"""What a customer writes: connector files, LMS profiles, CSV lists.

files             reads all connector files of a folder; a broken one never hides the others
connector         the whole connector file; guards
source            where training progress is read, and who a learner is
source_fields     which fields the API is asked for
lms               what the LMS wants to read
delivery          how the file gets to the LMS
delivery_results  how the LMS says what became of a file
notifications     who is told of a failure; where the report goes
lists             CSV files beside the connector file: people, crosswalk, course map
profiles/         what each LMS wants to read: a YAML file per LMS
schema/           types for files that people write
"""
