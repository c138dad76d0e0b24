"""What is said about one flight: requirements, outcome, margins."""
