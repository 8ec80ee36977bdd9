"""Data larger than memory. The difficult code is here, so that other packages read simply.

json_file       a staged snapshot, in chunks of whole records
json_splitter   a JSON document that arrives piece by piece, in chunks of whole records
json_wrapper    the JSON object around the array of records
json_structure  where items of a JSON document begin and end, without their values
prefetch        the next item, made in a second thread
partition       rows that arrive in one order and are read in another

What was measured, in MB of JSON a second on one core unless said otherwise, and which libraries were tried:

- json_splitter: msgspec decodes batches with 5 or 6 keys of a record at 960 to 1,270 MB/s. ijson has the
  simplest code, but reads 98 to 112 MB/s, no more than `json`. orjson decodes 200 to 310 MB/s, because it
  allocates every key; pysimdjson decodes 780 MB/s; pyarrow.json parses every key and reaches 400 MB/s. With
  polars, memory grows with the snapshot. DuckDB is faster with all courses, but takes four times the memory,
  and SQL instead of pandas. Chunks of 2 to 4 MB are best: with 1 MB a run takes 10 to 30 % longer, 8 MB and
  more only add memory.
- json_wrapper, json_structure: nothing is on record; they read documents that no decoder reads.
- json_file: pyarrow reads zstd at 1,840 MB/s, from a tenth of the body's size. lz4 is read at 3,340 MB/s, but
  is twice as large.
- prefetch: a transform of 100,000 learners with all courses takes 0.40 of the cron script's time, for 0.50 of
  its CPU time (docs/benchmarks.md). Worker processes are estimated to gain a factor of 1.7 at best on two
  cores.
- partition: `load` takes 252 MB of memory for 100,000 rows, and 310 MB for 28.6 million (docs/scale.md). Of
  other libraries nothing is on record; the file has Arrow's own format.
"""
