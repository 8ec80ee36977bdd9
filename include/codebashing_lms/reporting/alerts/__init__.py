"""Messages to the person on call.

message   the text of a message about a run
findings  what needs a person after a run that went through
state     alerts.json: the state after the last run, so that a message is about new findings
"""
