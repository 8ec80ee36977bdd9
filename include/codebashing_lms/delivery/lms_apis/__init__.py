"""LMSs whose programming interface is called instead of sent a file.

grades            the grades of a staged CSV, by the place in the gradebook that takes them
canvas            Canvas: grades in bulk, worked in after the answer
moodle            Moodle web services: the transport
moodle_client       one call: its address, its errors with status 200
moodle_grades       grades as they are sent, and as Moodle shows what it stored
oracle_hdl        Oracle HCM Data Loader: the transport
oracle_data_sets    what HCM Data Loader says of a data set
xapi              a learning record store: the transport
xapi_store          what a store does with statements, and what that means
"""
