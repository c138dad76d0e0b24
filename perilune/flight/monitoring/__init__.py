"""Whom do I believe: acquisition after a gap, and the gate afterwards."""
