"""What a customer writes: connector files, LMS profiles, CSV lists.

files             reads all connector files in a folder; an invalid file never hides the valid ones
connector         the whole connector file, with its guards
source            where training progress is read, and which employee a learner is
source_fields     which fields a request to the API asks for
lms               which profile the LMS has, with which options and courses
course_map        what the LMS calls each course
delivery          how the file gets to the LMS
delivery_results  how the LMS reports on a file
notifications     who gets alerts, and where the report goes
identifiers       IDs and user keys without the signs that nobody sees
csv_files         reads a CSV file as Excel and other programs save it
lists             CSV files that a connector file names: people, crosswalk, course map
profiles/         one YAML file per LMS
schema/           types for files that people write
"""
