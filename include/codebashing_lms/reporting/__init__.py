"""What people are told of runs: small values for the page, the report and messages.

wording   the words for reasons, warnings and provenance
views/    what the page shows, a module per view
report/   report.html for LMS administrators
alerts/   messages to the person on call
"""
