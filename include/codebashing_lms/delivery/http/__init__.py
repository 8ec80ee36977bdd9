"""Delivery to an import endpoint of an LMS.

upload    the transport: sends the file and reads the answer
client    requests to an LMS: logged in, within a deadline, no redirect followed, failures explained
answers   what the answer of an import endpoint means
json_api  answers of an LMS's programming interface: status, JSON, reason of a refusal
jobs      import jobs: the address of a job, and what the answer about it means
"""
