"""Messages to the person on call.

message   what a message says of a run
findings  what of a run that went through needs a person
state     alerts.json: what the last run looked like, so that a message is about new findings
"""
