"""Where do I push: braking to the gate, and the vertical descent below it."""
