"""What the tasks of our DAGs do: a module per operator, imported when the task runs.

extract    Codebashing's answer, or an archived one, becomes the run's snapshot
transform  the snapshot becomes the LMS file
load       the LMS file goes to the LMS, and the receipt says so
report     the report for LMS administrators
notify     messages to the person on call
admin      what a person asked for in the form of codebashing_lms_admin
"""
