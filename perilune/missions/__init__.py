"""The built-in missions, data only: one TOML file each, every figure with its source."""
