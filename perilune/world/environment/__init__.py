"""The Moon around the lander: ground, gravity, and how the surface answers a laser."""
