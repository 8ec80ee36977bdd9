"""report.html: what a run means to an LMS administrator, in one file that needs no login and no network.

content      the content of the report, gathered from the folder of a run
completions  who finished a course, the latest first
set_aside    who was set aside, by reason
render       content becomes HTML, with templates/
publish      the report goes to a folder, an SFTP server or an object store
"""
