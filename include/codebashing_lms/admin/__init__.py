"""What a person may have done to the memory of a connector, by the DAG codebashing_lms_admin.

orders.py       what may be asked for, and what each action needs; loaded when the DAG is parsed
desk.py         an order with all it concerns
named_rows.py   rows that a person names in a file, or by course and date
reject_list.py  rows that the LMS refused, as a list of its own says
deeds.py        the actions
"""
