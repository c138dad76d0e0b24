"""Measurements of speed: `python -m benchmarks`. They print and record; they never fail a test run."""
