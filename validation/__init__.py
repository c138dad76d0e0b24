"""Studies that print what the project claims, and write it to docs/validation.md: `python -m validation`."""
