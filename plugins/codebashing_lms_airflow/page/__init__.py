"""The page Codebashing → LMS inside Airflow."""
