"""LMSs with a programming interface that takes calls, not a file.

grades            the grades of a staged CSV, by the grade item that takes them
canvas            Canvas: grades in bulk, stored after the answer
moodle            Moodle web services: the transport
moodle_activities   whether activities are in Moodle, and what the token may do with them
moodle_lookup       numbers of users and courses
moodle_client       one call: its address, its errors with status 200
moodle_grades       grades in the form that Moodle takes, and in the form that it shows
oracle_hdl        Oracle HCM Data Loader: the transport
oracle_data_sets    the state of a data set, and its refused lines
xapi              a learning record store: the transport
xapi_store          sends statements in batches, finds the bad ones
"""
