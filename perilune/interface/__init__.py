"""All that flight software and world may both know: measurements, commands, the lander as drawn, names of events."""
