"""How do I push: attitude control, and the valves that make force and torque."""
