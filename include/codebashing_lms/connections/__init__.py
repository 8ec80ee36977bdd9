"""Sessions with other systems: verified, abortable, with explained failures.

http         an HTTP session that keeps what we know to its site
http_errors  what HTTP answers and failures mean, whoever was asked
sftp         a session on an SFTP server, with a pinned host key
sftp_keys    the host key that is pinned, and our own key
deadline     an end in time for a whole conversation
"""
