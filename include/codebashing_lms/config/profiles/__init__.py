"""What each LMS wants to read: a profile is a YAML file; a contract is a profile with settings.

profile       reads a profile and puts settings into it
settings      what only the customer knows
placeholders  the {places} of a profile where settings go
contract      all that writers and load need to know of an LMS
columns       a column: what stands in it and how it is written
"""
