"""A flight as a folder: flight.json, truth.parquet, onboard.parquet, telemetry.parquet, and orbit.parquet where the flight began
in orbit. Whole or absent."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perilune.foundation.errors import UserError

from .dictionary import CHANNELS
from .orbit_way import ORBIT_COLUMNS

# 2: the lander as drawn and whom to credit for readouts; 3: faults with their triggers; 4: how it came to rest
FORMAT = 4
FILES = ("truth.parquet", "onboard.parquet", "telemetry.parquet")


def table_of(channels: dict[str, np.ndarray]) -> pa.Table:
    """A Parquet table with each column's unit and meaning in its metadata."""
    fields, columns = [], []
    for name, values in channels.items():
        known = CHANNELS.get(name) or ORBIT_COLUMNS.get(name)
        unit, text = (known.unit, known.text) if known else ("s", "mission time")
        fields.append(pa.field(name, pa.float64(), metadata={"unit": unit, "text": text}))
        columns.append(pa.array(np.asarray(values, np.float64)))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def write(folder: Path, header: dict[str, Any], tables: dict[str, dict[str, np.ndarray]]) -> None:
    """Write an archive beside its place and move it in at once; an older archive there is replaced.

    Raises UserError where the folder cannot be written; nothing is left behind then.
    """
    folder = Path(folder)
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        for name, channels in tables.items():
            pq.write_table(table_of(channels), temporary / f"{name}.parquet", compression="zstd")
        text = json.dumps({"format": FORMAT, **header}, indent=2, allow_nan=False)
        (temporary / "flight.json").write_text(text + "\n", encoding="utf-8")
        for path in temporary.iterdir():
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
        temporary.chmod(0o755)
        put_in_place(temporary, folder)
        temporary = None
    except (OSError, pa.ArrowException) as problem:
        raise UserError(f"The archive cannot be written to {folder}: {problem}. Nothing was left behind.") from problem
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def read_way(folder: Path) -> dict[str, np.ndarray]:
    """The history of the orbit phase, empty where the flight had none. Raises UserError with one sentence."""
    path = Path(folder) / "orbit.parquet"
    if not path.exists():
        return {}
    try:
        table = pq.read_table(path)
    except (OSError, ValueError, pa.ArrowException) as problem:
        raise UserError(f"The archive {folder} cannot be read: {problem}.") from problem
    return {name: table[name].to_numpy() for name in table.column_names}


def put_in_place(temporary: Path, folder: Path) -> None:
    """Rename onto the final name; an older archive is set aside first and removed only when the new one stands."""
    old = None
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        os.rename(folder, old / "archive")
    try:
        os.rename(temporary, folder)
    except BaseException:  # Ctrl-C too, which may come after the rename
        if old is not None and not folder.exists():
            os.rename(old / "archive", folder)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and every channel of an archive. Raises UserError with one sentence."""
    folder = Path(folder)
    try:
        header = json.loads((folder / "flight.json").read_text(encoding="utf-8"))
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            found = header.get("format") if isinstance(header, dict) else None
            raise UserError(f"The archive {folder} has format {found}; this version reads format {FORMAT}.")
        channels: dict[str, np.ndarray] = {}
        for name in ("truth", "onboard"):
            table = pq.read_table(folder / f"{name}.parquet")
            for column in table.column_names:
                channels.setdefault(column, table[column].to_numpy())
    except FileNotFoundError as problem:
        missing = Path(str(problem.filename)).name if problem.filename else str(problem)
        raise UserError(f"{folder} is not a flight's archive: {missing} is missing.") from None
    except (OSError, ValueError, pa.ArrowException) as problem:
        raise UserError(f"The archive {folder} cannot be read: {problem}.") from problem
    if set(CHANNELS) - set(channels):
        raise UserError(f"The archive {folder} is not whole: channels are missing.")
    return header, channels
