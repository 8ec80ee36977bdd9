"""What subclasses Airflow: the operators, and how a run finds its dates, its folder and its connections."""
