"""From what was written after --flight-software to an object of that class."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from perilune.flight.guidance.laws import BrakingLaw, DescentLaw, GuidanceLaw
from perilune.foundation.errors import UserError
from perilune.interface.flight_computer import FlightComputer

BASES = (FlightComputer, BrakingLaw, DescentLaw)
WRITE = "write module:Class or path/to/file.py:Class"


def load_computer(written: str) -> FlightComputer | GuidanceLaw:
    """An object of the class at “module:Class” or “path/to/file.py:Class”, made without arguments. Raises UserError."""
    place, colon, name = written.rpartition(":")
    if not colon or not place or not name:
        raise UserError(f"Flight software {written!r} names no class: {WRITE}.")
    module = of_file(Path(place)) if place.endswith(".py") else of_module(place)
    kind = getattr(module, name, None)
    if kind is None:
        classes = [n for n, k in vars(module).items() if is_computer(k) and k.__module__ == module.__name__]
        has = (
            f"it has {', '.join(classes)}"
            if classes
            else "it has no class that derives from FlightComputer, BrakingLaw or DescentLaw"
        )
        raise UserError(f"Flight software {written!r}: there is no {name} in {place}; {has}.")
    if not is_computer(kind):
        raise UserError(
            f"Flight software {written!r}: {name} does not derive from perilune.interface.flight_computer.FlightComputer; "
            "derive it from that and write init and step (or from BrakingLaw or DescentLaw of perilune.flight.guidance.laws)."
        )
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise UserError(f"Flight software {written!r}: {name} leaves {' and '.join(missing)} out; write what is missing.")
    needed = [p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty and p.kind in (0, 1, 3)]
    if needed:
        raise UserError(
            f"Flight software {written!r}: {name} is made without arguments, and asks for {', '.join(needed)}; give defaults."
        )
    with told(f"Flight software {written!r}: {name}() fails", module):
        return kind()


def is_computer(kind: object) -> bool:
    """Whether it is a class of flight software, or of a guidance law."""
    return isinstance(kind, type) and issubclass(kind, BASES) and kind not in BASES


def of_module(name: str) -> ModuleType:
    """A module, looked for from the current folder on. Raises UserError."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"Flight software: {name!r} is no module's name; {WRITE}.")
    with reachable(Path.cwd()), told(f"Flight software: importing {name} fails", None):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as problem:
            if problem.name and (name == problem.name or name.startswith(problem.name + ".")):
                raise UserError(f"Flight software: there is no module {name} here or installed; {WRITE}.") from None
            raise


def of_file(path: Path) -> ModuleType:
    """A file as a module; what lies beside it can be imported. Raises UserError."""
    if not path.is_file():
        raise UserError(f"Flight software: there is no file {path}; {WRITE}.")
    path = path.resolve()
    spec = importlib.util.spec_from_file_location(f"perilune_own:{path}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"Flight software: {path} is no Python file; {WRITE}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up the names of their annotations there
    with reachable(path.parent), told(f"Flight software: importing {path} fails", module):
        spec.loader.exec_module(module)
    return module


@contextmanager
def reachable(folder: Path) -> Iterator[None]:
    """Import from a folder first, for a while."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def told(what: str, module: ModuleType | None) -> Iterator[None]:
    """Turn whatever a user's code raises into one sentence, with the line where it did."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as problem:
        frames = traceback.extract_tb(problem.__traceback__)
        file = getattr(module, "__file__", None)
        lines = [f for f in frames if (f.filename == file if file else "importlib" not in f.filename and f.filename != __file__)]
        where = f" ({Path(lines[-1].filename).name}, line {lines[-1].lineno})" if lines else ""
        said = (str(problem).strip().splitlines() or ["no message"])[0]
        raise UserError(f"{what}: {type(problem).__name__}: {said}{where}.") from None
