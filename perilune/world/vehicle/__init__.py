"""The lander as built: mass, engines and feet."""
