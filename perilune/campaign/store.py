"""A campaign's folder: campaign.json, and a Parquet file a chunk. Whole files only; one campaign at a time."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from perilune.foundation.errors import UserError

from .plan import FORMAT

UNITS = {
    "_s": "s", "_m": "m", "_mps": "m/s", "_deg": "deg", "_kg": "kg", "_n": "N", "_height": "m", "_speed": "m/s",
    "speed_at_192_m": "m/s", "_percent": "%", "_mrad": "mrad", "_deg_per_h": "deg/h", "_deg_per_s": "deg/s", "_ug": "µg",
    "_ppm": "ppm", "_per_s": "1/s", "_db": "dB", "_nm": "N m",
}  # fmt: skip


def whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place and move it in at once."""
    beside = path.with_name(f".{path.name}.part")
    try:
        write(beside)
        with open(beside, "rb") as handle:
            os.fsync(handle.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def unit_of(name: str) -> str:
    """A column's unit by the end of its name, but for the number of an element; longer ends first."""
    while name.rpartition(".")[2].isdigit():
        name = name.rpartition(".")[0]
    ends = [end for end in sorted(UNITS, key=len, reverse=True) if name.endswith(end)]
    return UNITS[ends[0]] if ends else ""


class Store:
    """The folder of one campaign."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.head = self.folder / "campaign.json"

    def part(self, chunk: int) -> Path:
        """Where a chunk's rows are."""
        return self.folder / "runs" / f"part-{chunk:06d}.parquet"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes here meanwhile. Raises UserError where somebody does, or where the folder cannot be made."""
        try:
            (self.folder / "runs").mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            with lock:
                yield
        except Timeout:
            raise UserError(f"Another campaign is writing to {self.folder}: wait for it, or give another --out.") from None
        except OSError as problem:
            raise UserError(
                f"The folder {self.folder} cannot be written: {problem.strerror or problem}. What is there is whole; make room "
                "or give another --out, and go on with --resume."
            ) from None

    def read_head(self) -> dict[str, Any] | None:
        """What campaign.json says; None where there is none. Raises UserError where it cannot be read or is of another format."""
        if not self.head.is_file():
            return None
        try:
            found = json.loads(self.head.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise UserError(f"{self.head} cannot be read: {problem}.") from None
        if not isinstance(found, dict) or "format" not in found:
            raise UserError(f"{self.head} is no campaign's.")
        if found["format"] == FORMAT and not {"digest", "plan", "mission", "faults"} <= set(found):
            raise UserError(f"{self.head} is not whole: it lacks what flew. Fly a new campaign.")
        if found["format"] != FORMAT:
            raise UserError(
                f"{self.head} has format {found['format']}, and this version reads {FORMAT}: read its runs with pandas."
            )
        return found

    def write_head(self, head: dict[str, Any]) -> None:
        """Write campaign.json."""
        text = json.dumps({"format": FORMAT, **head}, indent=2, allow_nan=False, default=str)
        whole(self.head, lambda path: path.write_text(text + "\n", encoding="utf-8"))

    def write_part(self, chunk: int, columns: dict[str, np.ndarray], digest: str) -> None:
        """Write a chunk's rows."""
        arrays = [pa.array(values) for values in columns.values()]
        fields = [
            pa.field(name, array.type, metadata={"unit": unit_of(name)}) for name, array in zip(columns, arrays, strict=True)
        ]
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"campaign": digest}))
        whole(self.part(chunk), lambda path: pq.write_table(table, path, compression="zstd"))

    def read_part(self, chunk: int, digest: str) -> pa.Table | None:
        """A chunk's rows; None where there are none. Raises UserError where they cannot be read or belong to another campaign."""
        path = self.part(chunk)
        if not path.is_file():
            return None
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as problem:
            raise UserError(f"{path} cannot be read: {problem}; delete it and go on with --resume.") from None
        if (table.schema.metadata or {}).get(b"campaign", b"").decode() != digest:
            raise UserError(f"{path} belongs to another campaign: move it away, or give another --out.")
        return table

    def chunks(self) -> list[int]:
        """Chunks whose rows are there."""
        names = [path.stem.removeprefix("part-") for path in (self.folder / "runs").glob("part-*.parquet")]
        return sorted(int(name) for name in names if name.isdigit())
