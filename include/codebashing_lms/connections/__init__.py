"""Sessions with other systems: verified, abortable, with explained failures.

model        what an Airflow connection says: HttpConnection, SftpConnection
http         an HTTP session that sends credentials to its own host only
http_errors  what a redirect, a Retry-After and a request without an answer mean
sftp         a session on an SFTP server, with a pinned host key
sftp_keys    the host key that is pinned, and our own private key
deadline     a deadline for a whole session
"""
