"""Telemetry: the dictionary of channels, recorders made from it, and the archive of a flight."""
