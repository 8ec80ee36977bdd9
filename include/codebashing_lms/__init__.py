"""Codebashing training progress for an LMS, without Airflow.

source    asks the Codebashing API and stages its answer, a snapshot
snapshot  reads a staged snapshot back, in batches of whole records
transform judges every record and writes the LMS file, set_aside.csv and manifest.json
delivery  hands the file to the LMS: a folder, SFTP or HTTP
"""

__version__ = "0.1.0"
