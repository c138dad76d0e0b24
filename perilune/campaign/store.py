"""A campaign's folder: campaign.json, a Parquet file of rows a chunk, and tracks of the first chunks."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perilune.foundation.errors import UserError
from perilune.simulation.unit_words import unit_of

from .place import place_of
from .plan import FORMAT

HEAD = "campaign.json"


def table_of(columns: dict[str, np.ndarray], digest: str) -> pa.Table:
    """Columns with their units, and whose they are."""
    arrays = [pa.array(values) for values in columns.values()]
    fields = [pa.field(name, array.type, metadata={"unit": unit_of(name)}) for name, array in zip(columns, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"campaign": digest}))


class Store:
    """The folder of one campaign: a path, or an address that fsspec knows."""

    def __init__(self, folder: str | Path):
        self.place = place_of(folder)
        self.folder = self.place.address

    @staticmethod
    def part(chunk: int, of: str = "runs") -> str:
        """Name of a chunk's rows, or of its tracks."""
        return f"{of}/part-{chunk:06d}.parquet"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes here meanwhile. Raises UserError where somebody does, or where the folder cannot be made."""
        lock = self.place.locked()
        try:
            lock.__enter__()
        except OSError as problem:
            raise self.unwritten(problem) from None
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    def unwritten(self, problem: OSError) -> UserError:
        """What is said where the folder cannot be written."""
        return UserError(
            f"The folder {self.folder} cannot be written: {problem.strerror or problem}. What is there is whole; make room "
            "or give another --out, and go on with --resume."
        )

    def read_head(self, formats: tuple[int, ...] = (FORMAT,)) -> dict[str, Any] | None:
        """What campaign.json says; None where there is none. Raises UserError where it cannot be read or is of another format."""
        name = self.place.said(HEAD)
        try:
            content = self.place.read(HEAD)
            if content is None:
                return None
            found = json.loads(content)
        except (OSError, ValueError) as problem:
            raise UserError(f"{name} cannot be read: {problem}.") from None
        if not isinstance(found, dict) or "format" not in found:
            raise UserError(f"{name} is no campaign's.")
        if found["format"] not in formats:
            older = isinstance(found["format"], int) and found["format"] < FORMAT
            raise UserError(
                f"{name} has format {found['format']}, of {'an older' if older else 'a newer'} version; this one reads {FORMAT}. "
                f"Its rows are {self.place.said('runs')}/*.parquet, which pandas, Polars and DuckDB open."
            )
        if not {"digest", "plan", "mission", "faults"} <= set(found):
            raise UserError(f"{name} is not whole: it lacks what flew. Fly a new campaign.")
        return found

    def write(self, name: str, content: bytes) -> None:
        """Put a file there. Raises UserError."""
        try:
            self.place.write(name, content)
        except OSError as problem:
            raise self.unwritten(problem) from None

    def write_head(self, head: dict[str, Any]) -> None:
        """Write campaign.json."""
        text = json.dumps({"format": FORMAT, **head}, indent=2, allow_nan=False, default=str)
        self.write(HEAD, text.encode() + b"\n")

    def write_part(self, chunk: int, columns: dict[str, np.ndarray], digest: str, of: str = "runs") -> None:
        """Write a chunk's rows, or its tracks."""
        content = io.BytesIO()
        smooth = [name for name, values in columns.items() if values.dtype == np.float32]  # tracks: half as large that way
        options: dict[str, Any] = {"use_dictionary": [name for name in columns if name not in smooth]}
        if smooth:
            options["use_byte_stream_split"] = smooth
        pq.write_table(table_of(columns, digest), content, compression="zstd", **options)
        self.write(self.part(chunk, of), content.getvalue())

    def read_part(self, chunk: int, digest: str, of: str = "runs", columns: list[str] | None = None) -> pa.Table | None:
        """A chunk's rows or tracks, some columns or all; None where there are none. Raises UserError where they cannot be read or
        belong to another campaign."""
        name = self.place.said(self.part(chunk, of))
        try:
            content = self.place.read(self.part(chunk, of))
            if content is None:
                return None
            file = pq.ParquetFile(pa.BufferReader(content))
            table = file.read(columns)
        except (OSError, pa.ArrowException) as problem:
            raise UserError(f"{name} cannot be read: {problem}; delete it and go on with --resume.") from None
        if (table.schema.metadata or {}).get(b"campaign", b"").decode() != digest:
            raise UserError(f"{name} belongs to another campaign: move it away, or give another --out.")
        return table

    def chunks(self, of: str = "runs") -> list[int]:
        """Chunks whose rows, or tracks, are there."""
        names = [name.removeprefix("part-").removesuffix(".parquet") for name in self.names(of) if name.endswith(".parquet")]
        return sorted(int(name) for name in names if name.isdigit())

    def others(self) -> list[str]:
        """What lies there that no campaign without a head has left."""
        ours = (".lock", "runs", "tracks", f".{HEAD}.part")
        parts = [self.part(chunk, of) for of in ("runs", "tracks") for chunk in self.chunks(of)]
        return [name for name in self.names() if name not in ours] + parts

    def names(self, folder: str = "") -> list[str]:
        """What lies in a folder of it. Raises UserError where that cannot be read."""
        try:
            return self.place.names(folder)
        except OSError as problem:
            raise UserError(f"{self.place.said(folder)} cannot be read: {problem.strerror or problem}.") from None
