"""One YAML file per LMS; the code here reads it and fills in a customer's settings.

profile       finds and reads a profile, and makes a contract of it
settings      values that only the customer knows
placeholders  {placeholders} of a profile, which settings fill
contract      a profile with settings filled in; transform, load and delivery follow it
file_shape    how rows become bytes
columns       a column of the LMS file: the values in it, and how they are written
"""
