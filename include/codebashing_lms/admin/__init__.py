"""What a person may do to the ledger, by the DAG codebashing_lms_admin.

form           names of the actions, and the fields that each needs; loaded when the DAG is parsed
request        one action with its connector, ledger and person
row_selection  rows that a person names in a file, or by course and date
refused_list   rows that the LMS refused, from a list of its own
actions        what each action does
"""
