"""What the page shows, read from the folders of runs in the staging area. Nothing is written.

run_index        which runs there are, and which files each run left
runs             a connector's runs
run_status       the status of a run, in a word and a sentence
overview         a card per connector
run_detail       everything about one run
set_aside        the lines of set_aside.csv, and since when each line is there
to_do            who is set aside now, by who can act and by reason
readiness        how many learners have an employee ID, over time
trend            progress and set-aside learners over time
charts           pictures as inline SVG
learner          one learner: the newest run, the journal, and since when
learner_records  a learner's records in the newest run
learner_journal  what the LMS was sent about a learner
"""
