"""Dask's own processes, as a user would start them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def started(*words: str) -> subprocess.Popen:
    """A Dask process."""
    command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ended(process: subprocess.Popen) -> None:
    """Gone, at once."""
    process.kill()
    process.wait()


def worker(address: str) -> subprocess.Popen:
    """One more worker."""
    return started("worker", address, "--nthreads", "1", "--no-nanny")


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """A scheduler's address."""
    where = folder / "scheduler.json"
    process = started("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(where))
    try:
        for _ in range(300):
            if where.is_file() and "tcp://" in where.read_text():
                break
            time.sleep(0.1)
        yield where.read_text().split('"address": "')[1].split('"')[0]
    finally:
        ended(process)
