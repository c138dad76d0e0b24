"""The command that flies a class of one's own from another folder: one healthy seed, told as JSON."""

import sys

RUN = [
    sys.executable,
    "-m",
    "perilune.command_line.app",
    "fly",
    "resilience",
    "--healthy",
    "--seed",
    "1",
    "--json",
    "--out",
    "here",
]
