"""Where world and flight software meet: mission files, scenarios, and the loop that flies them."""
