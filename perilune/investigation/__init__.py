"""And why: the story of a flight read from its telemetry."""
