"""Step 3: compare with what was sent before, deliver, remember.

The modules stand in the order of one delivery: recover, compare, write, prepare, send, journal.

run              load(): the steps in their order
recovery         interrupted deliveries are brought to their end, by asking the LMS or by a person's answer
in_flight        deliveries that have begun and are not yet in the journal
compare          delta over rows.parquet and the ledger, some employees at a time
delta            which rows are new, changed, unchanged, stale or held: rules on one frame (pandas, pure)
guards           what stops a load before anything is sent
outputs          LMS file and lists of this delivery, and the completed manifest
lists            what load lists for people: corrections, held identities, refusals, deferred rows
sent_rows        which rows a delivery held, and which row a refusal means
prepare          the receipt of a delivery before its first byte leaves
send             files go one after the other; the receipt says how far
receipt          receipt.json, its states, attempts and idempotency keys
pickup           whether a dropped file was picked up, and what the result file says
refusals         refused rows are listed, counted and journaled
repeat_refusals  the same refusal as last time waits for a person the third time
outcome          how load ended, in a sentence for people
"""
