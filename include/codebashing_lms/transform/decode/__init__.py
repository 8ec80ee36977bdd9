"""JSON records become columns.

record_decoder  the wanted keys of a batch of records, as columns of plain JSON values
batches         decoded records as columns of a batch
source_keys     the names of the keys in the source's records
values          one column of JSON values becomes numbers, texts or instants; never raises
"""
