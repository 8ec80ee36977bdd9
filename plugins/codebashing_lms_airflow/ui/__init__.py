"""The page Codebashing → LMS inside Airflow.

application  login for every route, security headers, errors as sentences
routes       the addresses of the page, and who may see them
connectors   the connectors of this Airflow, by the ID of their DAG
rendering    templates, and how values become text in them
airflow_api  internals of Airflow's API server that the page needs
"""
