"""Where a campaign is kept: a folder of this machine, or any address that fsspec knows (s3://…, gs://…, memory://…).

Both hold whole files only, by short names (“campaign.json”, “runs/part-000000.parquet”), and one campaign at a time.
"""

import json
import os
import socket
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from perilune.foundation.errors import UserError

LOCK = ".lock"
SETTLED_S = 1.0  # after which two that began at once both see the later lock
OBJECTS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "memory"}  # where a put is whole or not at all
SHOWN = 100  # letters of a stranger's lock that are shown


def whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, see that it is on the disk, and move it in at once."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with open(beside, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def as_system_errors() -> Iterator[None]:
    """What drivers of fsspec raise, each its own kind, as OSError."""
    try:
        yield
    except (OSError, UserError):
        raise
    except Exception as problem:
        raise OSError(f"{type(problem).__name__}: {problem}") from problem


class Place(ABC):
    """A folder of whole files."""

    address: str

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """A file; None where there is none. Raises OSError."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Put a file there, whole or not at all. Raises OSError."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """Names of what lies in a folder of it; none where it is absent."""

    @abstractmethod
    def locked(self) -> Any:
        """Context: nobody else writes here meanwhile. Raises UserError where somebody does, OSError where it cannot be made."""

    def said(self, name: str) -> str:
        """A file's whole name, for people."""
        return f"{self.address.rstrip('/')}/{name}"


def refusal(address: str, more: str = "") -> UserError:
    """What the second of two campaigns is told."""
    return UserError(f"Another campaign is writing to {address}: wait for it, or give another --out.{more}")


class LocalPlace(Place):
    """A folder of this machine."""

    def __init__(self, folder: Path):
        self.folder, self.address = folder, str(folder)

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        """See `Place`."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        whole(path, content)

    def names(self, folder: str = "") -> list[str]:
        """See `Place`."""
        there = self.folder / folder
        return sorted(path.name for path in there.iterdir()) if there.is_dir() else []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `Place`: the lock is the system's, and gone with the process that held it."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is a file, and a campaign is a folder: give another --out.")
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise refusal(self.address) from None
        try:
            yield
        finally:
            lock.release()


class RemotePlace(Place):
    """An address that fsspec knows. Stores of objects put a file whole or not at all by themselves; in other systems it is
    written beside its place and moved in."""

    def __init__(self, address: str):
        try:
            import fsspec
        except ImportError:
            raise UserError(f"{address} needs fsspec: pip install 'perilune[cluster]'.") from None
        self.address = address
        try:
            self.system, self.root = fsspec.core.url_to_fs(address)
        except Exception as problem:  # what a driver raises is its own
            raise UserError(f"{address} cannot be reached: {problem}.") from None
        protocols = self.system.protocol
        self.is_of_objects = bool({protocols} & OBJECTS if isinstance(protocols, str) else set(protocols) & OBJECTS)

    def path(self, name: str) -> str:
        """Where a file is for the file system."""
        return f"{self.root.rstrip('/')}/{name}".rstrip("/")

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        with as_system_errors():
            try:
                return self.system.cat_file(self.path(name))
            except (FileNotFoundError, IsADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        """See `Place`."""
        with as_system_errors():
            if self.is_of_objects:
                self.system.pipe_file(self.path(name), content)
                return
            parent, _, last = self.path(name).rpartition("/")
            self.system.makedirs(parent, exist_ok=True)
            beside = f"{parent}/.{last}.part"
            self.system.pipe_file(beside, content)
            self.system.mv(beside, self.path(name))

    def names(self, folder: str = "") -> list[str]:
        """See `Place`."""
        where = self.path(folder)
        with as_system_errors():
            self.system.invalidate_cache()
            try:
                found = [str(path).rstrip("/") for path in self.system.ls(where, detail=False)]
            except FileNotFoundError:
                return []
        return sorted(path.rpartition("/")[2] for path in found if path != where)  # some list a folder's own marker

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `Place`: the lock is a file with its owner's name, and stays where a campaign was killed."""
        mine = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "since": time.time(), "token": uuid.uuid4().hex})
        self.refuse_unless_mine(None)
        self.write(LOCK, mine.encode())
        time.sleep(SETTLED_S)  # of two that began at once, the one whose lock was written over finds it so
        self.refuse_unless_mine(mine)
        try:
            yield
        finally:
            with suppress(OSError), as_system_errors():  # a lock that stays is told to the next one; what was flown is there
                if self.read(LOCK) == mine.encode():
                    self.system.rm_file(self.path(LOCK))

    def refuse_unless_mine(self, mine: str | None) -> None:
        """Raises UserError where the lock is another's."""
        held = self.read(LOCK)
        if held is not None and held.decode(errors="replace") != mine:
            raise refusal(self.address, f" If it was killed, delete {self.said(LOCK)} ({held.decode(errors='replace')[:SHOWN]}).")


def place_of(address: str | Path) -> Place:
    """The place that an address names. Raises UserError."""
    said = str(address)
    for protocol in ("file://", "local://"):
        said = said.removeprefix(protocol)
    return RemotePlace(said) if "://" in said else LocalPlace(Path(said))
