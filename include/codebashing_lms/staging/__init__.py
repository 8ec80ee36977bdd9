"""Files between tasks: atomic, exclusive, on disk or in a bucket.

files             staged files appear whole or not at all
exclusive_create  a file is created in an object store only if its name is free
scratch           temporary space of this machine, removed also after a kill
"""
