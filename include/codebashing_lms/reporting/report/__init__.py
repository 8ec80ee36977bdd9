"""report.html: what a run means to an LMS administrator, in one file that needs no login and no network.

content      what the report says, gathered from what a run left
completions  who finished a course, the latest first
set_aside    who was set aside, by reason
render       content becomes HTML, with templates/
publish      the report goes to a folder, an SFTP server or an object store
"""
