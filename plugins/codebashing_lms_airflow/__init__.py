"""What subclasses Airflow.

operators       the tasks of our DAGs: what each is given
tasks/          what an operator does, imported when it runs
hooks           Airflow connections become what the library needs to log in
forms           the trigger form and the admin form
run_context     what a task must know about its run, and how a run ended
failures        what a failure means to Airflow
notifiers       messages through the notifiers of Airflow's providers
deadline        a run that is not over in time
assets          what the LMS was sent, as an asset
metrics         numbers of each run
links           addresses in Airflow's web interface
airflow_compat  what differs between Airflow 3.1, 3.2 and 3.3
ui/             the page
"""
