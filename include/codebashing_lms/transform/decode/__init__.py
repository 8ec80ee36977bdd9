"""JSON records become columns.

record_decoder  records become columns of JSON values; courses are found on the way
record_struct   the type that records are decoded into
batches         decoded records as columns of a batch
source_keys     the names of the keys in the source's records
values          one column of JSON values becomes numbers or texts; never raises
dates           one column of JSON values becomes dates; never raises
"""
