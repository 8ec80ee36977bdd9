"""Data larger than memory. All the clever code lives here.

json_file       a staged snapshot, decompressed on the way, in chunks of whole records
json_splitter   parts a JSON document that arrives in pieces into chunks of whole records
json_structure  where items of a JSON document begin and end, without their values
prefetch        the next item is made in a second thread
partition       rows that come in one order and are needed in another, by way of a local file
"""
