"""Transports: how a file gets to an LMS. They know neither ledger nor transform.

transport    the protocols of a transport; OutboundFile, SendResult, JobStatus, Refusal
factory      the transport of a connector
packing      compresses a file, then encrypts it
pgp          OpenPGP encryption and signature
pgp_unflagged  a public key that does not say what it is for
folder       a folder of this machine, or a mounted share
sftp         a drop directory on an SFTP server; sftp_files handles single files there
http/        an import endpoint, its answers and its import jobs
lms_apis/    LMSs with a programming interface that takes calls, not a file
results      reports of an LMS about single rows
"""
