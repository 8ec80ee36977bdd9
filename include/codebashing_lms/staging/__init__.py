"""Files between tasks: atomic, exclusive, on disk or in a bucket.

layout            names of all folders and files
files             a staged file appears whole or not at all
exclusive_create  a file is created in an object store only if its name is free
checksums         a staged file that was altered is not used
zip_member        the same content gives the same archive
scratch           temporary space of this machine, removed also after a kill
"""
