"""What a run costs, beside the script that customers write today."""
