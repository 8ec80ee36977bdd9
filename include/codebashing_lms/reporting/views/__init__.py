"""What the page shows, read from what runs left in the staging area. Nothing is written.

runs             a connector's runs
run_index        which runs there are, and which files each of them left
run_status       how a run ended, in a word and a sentence
overview         a card per connector
run_detail       everything about one run
to_do            who is set aside now, by reason and by who can act
readiness        how many learners come with an employee ID, over time
trend            training and set-aside learners over time
charts           pictures as inline SVG
learner          one learner: what Codebashing said and what the LMS was sent
learner_records  where a learner is in one run
learner_journal  what the LMS was sent about a learner, from the journal
"""
