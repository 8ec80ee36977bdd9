"""Step 1: ask Codebashing, or the archive, and stage the raw snapshot.

run            which snapshot answers a run
logical_date   the date of a run, and the provenance of its records: live, replayed or reconstructed
snapshots      the archive of raw answers, and the pointer of each logical date to its snapshot
session        credentials, and how each request is signed with them
client         one signed request; its status is checked, and the request is retried where that helps
fetch          one answer, or its pages, becomes one staged snapshot
pagination     an answer that comes in several pages
download       a body becomes a file in flat memory; a truncated body is found
"""
