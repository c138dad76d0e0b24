"""The `perilune` command and the Python entry points behind it."""
