"""Step 3: compare with what was sent before, deliver, remember.

The modules stand in the order of one delivery: recover, compare, write, prepare, send, journal.

run              load(): the steps in their order
receipt          receipt.json as a type, its states and their transitions
attempts         the tries of a run: where the next try goes on; idempotency keys
recovery         interrupted deliveries are brought to their end by asking the LMS
manual_recovery  ... or by the answer of a person who looked there
in_flight        deliveries that have begun and are not yet in the journal
pickup           whether dropped files were picked up, and what the result files say
compare          delta over rows.parquet and the ledger, some employees at a time
delta            which rows are new, changed, unchanged, stale or held: rules on one frame (pandas, pure)
completions      a completion that the LMS knows stands, with its first date
identities       learners who may have become somebody else
repeat_refusals  a row that was refused three times for the same reason waits for a person
guards           what stops a load before anything is sent
outputs          LMS file and lists of this delivery
lists            what load lists for people: corrections, held identities, refusals, deferred rows
manifest         the manifest is completed
prepare          the receipt of a delivery before its first byte leaves, and packed files
send             files go one after the other; the receipt says how far
refusals         refused rows are listed, counted and journaled
sent_rows        which rows a delivery held, and which row a refusal is about
journal_rows     the same rows as the journal keeps them
outcome          how load ended, in a sentence for people
source_check     what a check found at Codebashing, in sentences
"""
