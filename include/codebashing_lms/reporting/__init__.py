"""What people read of runs: values for the page, the report and messages.

wording   the words for warnings and provenance; the words for reasons are in transform.records.dispositions
run_end   how a run ended, for the report and for alerts
views/    what the page shows, a module per view
report/   report.html for LMS administrators
alerts/   messages to the person on call
"""
