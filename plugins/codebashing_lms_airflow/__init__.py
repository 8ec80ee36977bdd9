"""The parts of the pipeline that need Airflow.

operators       the tasks of our DAGs: what each operator is given
tasks/          what an operator does, imported when its task runs
hooks           Airflow connections become sessions and credentials
forms           the trigger form, and the form of the admin DAG
run_context     a run, its folders in the staging area, and how it ended
failures        what an error of ours means to Airflow
notifiers       alerts to people, through the notifiers of Airflow's providers
deadline        an alert for a run that takes too long
assets          the records in the LMS as an Airflow asset
metrics         a few numbers of each run
links           addresses of runs and DAGs in Airflow's web interface
airflow_compat  what differs between Airflow 3.1, 3.2 and 3.3
ui/             the page
"""
