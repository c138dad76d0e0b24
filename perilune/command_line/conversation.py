"""What all commands share: where they speak, how they say a mistake, how they read values."""

import json
import sys
import tomllib
import warnings
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from perilune.foundation.errors import UserError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

USER_MISTAKE, INTERRUPTED = 2, 130
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]


@contextmanager
def sentences():
    """Turn a user's mistake, a closed pipe and Ctrl-C into one line and an exit code, and warnings into one line."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: err.print(
                f"perilune: {message}", style="yellow", markup=False, soft_wrap=True
            )
            yield
    except UserError as mistake:
        err.print(f"perilune: {mistake}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(USER_MISTAKE) from None
    except KeyboardInterrupt:
        err.print("perilune: interrupted; no archive is left half-written.", style="yellow")
        raise typer.Exit(INTERRUPTED) from None


def print_json(value: Any) -> None:
    """One object, strict JSON."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False, default=str) + "\n")


def assignments(pairs: list[str], option: str) -> dict[str, str]:
    """name=value pairs of a repeated option."""
    found = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name or not value:
            raise UserError(f"{option} {pair!r}: write it as NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


def toml_value(text: str) -> Any:
    """A value as in a mission file; what is not TOML is taken as a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
