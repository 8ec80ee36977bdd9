"""Benchmarks: what a run costs, compared with the script that customers write today."""
