"""Step 1: ask Codebashing, or the archive, and stage the raw snapshot.

logical_date   the date a run speaks for, and its provenance: live, replayed or reconstructed
fetch          one answer, or its pages, becomes one staged snapshot
client         one signed request; its status is checked, and the request is retried where that helps
pagination     an answer that comes in several pages
download       a body becomes a file in flat memory; a truncated body is found
snapshots      the archive of raw answers, and the pointer of each logical date to its snapshot
"""
