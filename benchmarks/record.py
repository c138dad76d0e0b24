"""How measurements are shown and kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def show(console: Console, title: str, figures: Mapping[str, Any]) -> None:
    """One table: names and figures, or sentences."""
    table = Table(title=title, title_justify="left", box=None, show_header=False)
    for name, value in figures.items():
        table.add_row(name, value if isinstance(value, str) else f"{value:,.2f}")
    console.print(table)


def keep(console: Console, name: str, found: Mapping[str, Any]) -> None:
    """Write benchmarks/NAME."""
    path = Path(__file__).parent / name
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(f"Recorded in {path}.", markup=False)
