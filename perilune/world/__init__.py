"""What is true: the Moon, the lander as built, its sensors, and everything that is wrong with them."""
