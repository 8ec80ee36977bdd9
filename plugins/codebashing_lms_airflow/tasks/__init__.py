"""What the tasks of our DAGs do: a module per operator, imported when the task runs."""
