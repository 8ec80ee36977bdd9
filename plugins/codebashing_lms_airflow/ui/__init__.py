"""The page Codebashing → LMS inside Airflow.

routes       the addresses of the page, and who may see them
airflow_api  all that the page takes from inside Airflow's API server
connectors   the connectors of this Airflow, by the ID of their DAG
rendering    templates, and how values become text in them
"""
