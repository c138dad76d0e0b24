"""The sensors as built, one file each: truth in, reading out."""
