"""What is done next, and how the lander is: cut-off, contingencies, propellant on board, health of the units."""
