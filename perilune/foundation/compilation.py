"""How programs are compiled, and the persistent cache: a program compiled once on this machine is not compiled again."""

import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import jax

# For programs around the flight: XLA's older way to make loops on CPU, which compiles in 0.7 of the time and 0.6 of the memory.
# Not for the flight itself, whose bits then hung on what is recorded. Only where it was tried: a version that does not know the
# word would refuse to compile at all.
LEAN = {"xla_cpu_use_fusion_emitters": False} if (0, 10) <= jax.__version_info__ < (0, 11) else {}


def processor() -> str:
    """The processor's name and instruction set, for compiled code is good on its own kind only."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    wanted = ("model name", "flags", "Features")
    return "".join(sorted({line for line in lines if line.split(":")[0].strip() in wanted}))


def cache_folder(name: str) -> Path | None:
    """A folder of the user's cache, made if need be; None where it cannot be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perilune" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def keep(path: Path, write: Callable[[BinaryIO], Any], most: int) -> None:
    """Write a cached file whole or not at all, and let the longest unused go until `most` of its kind are left. A full disk, or
    one that is read alone, costs only time."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.replace(name, path)
        kept = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda one: one.stat().st_mtime)
        for old in kept[:-most]:
            old.unlink(missing_ok=True)
    except OSError:
        Path(name).unlink(missing_ok=True)


def use_processor() -> None:
    """Keep JAX to the processor, and its hands off a GPU's memory. Must come before the process puts anything on a device."""
    jax.config.update("jax_platforms", "cpu")


def use_cache() -> None:
    """Point JAX at the user's cache folder, one folder a JAX version and processor. Does nothing where it cannot."""
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    kind = hashlib.sha256(processor().encode()).hexdigest()[:12]
    folder = cache_folder(f"jax-{jax.__version__}-{kind}")
    if folder is None:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
