"""Flight software of one's own at the border: whether it fits the loop, tried on shapes before anything is compiled; and what an
archive calls it."""

import hashlib
import inspect
import re
import traceback
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_leaves_with_path

from perilune.flight.guidance.geometry import Geometry
from perilune.flight.guidance.laws import Aim, BrakingLaw, DescentLaw, Fall, GuidanceLaw, Push, Situation
from perilune.flight.settings import GuidanceSettings
from perilune.foundation.errors import UserError
from perilune.interface.commands import Commands
from perilune.interface.flight_computer import Briefing, FlightComputer, Report
from perilune.interface.measurements import nothing_measured

from .build_software import design
from .own_software import answer_shapes

HINT = " (values are traced: choose with jnp.where, not if; counts are static fields)"
SAID = 3  # misfits told at once
TRACED = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError, jax.errors.TracerIntegerConversionError)


def file_of(kind: type) -> Path | None:
    """The file that a class stands in, where it stands in one."""
    try:
        found = inspect.getsourcefile(kind)
    except TypeError:
        return None
    return Path(found) if found and Path(found).is_file() else None


def name_of(computer: FlightComputer | GuidanceLaw) -> str:
    """As archives and sentences call it: file:Class, or module:Class where it stands in no file."""
    kind = type(computer)
    file = file_of(kind)
    return f"{file.name if file else kind.__module__}:{kind.__qualname__}"


def identity(computer: FlightComputer | GuidanceLaw) -> dict[str, str]:
    """Its name, and the SHA-256 of the file it stands in (not of what that imports) and of its figures."""
    file = file_of(type(computer))
    sha = hashlib.sha256(name_of(computer).encode() + (file.read_bytes() if file else b""))
    sha.update(re.sub(r"0x[0-9a-f]+", "", str(jax.tree.structure(computer))).encode())  # static fields, without addresses
    for leaf in jax.tree.leaves(computer):
        sha.update(np.ascontiguousarray(leaf).tobytes())
    return {"name": name_of(computer), "sha256": sha.hexdigest()}


def is_number(value: Any) -> bool:
    """Whether it can be a leaf of what is compiled."""
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return jnp.issubdtype(value.dtype, jnp.integer) or value.dtype in (jnp.float64, jnp.float32, jnp.bool_)
    return isinstance(value, bool | int | float)


def refuse_others(tree: Any, what: str) -> None:
    """Raise UserError where a leaf is no number."""
    for path, leaf in tree_leaves_with_path(tree):
        if not is_number(leaf):
            raise UserError(
                f"{what}{keystr(path)} is a {type(leaf).__name__}: numbers and arrays are wanted (a field of the class that is "
                "neither is declared with eqx.field(static=True))."
            )


def checked(computer: Any, numbers: dict[str, Any]) -> FlightComputer | GuidanceLaw:
    """The same with its figures as arrays, tried on the shapes of a mission's numbers. Raises UserError with one sentence."""
    if not isinstance(computer, FlightComputer | BrakingLaw | DescentLaw):
        raise UserError(
            f"flight_software is {computer!r}: give an object of a class that derives from "
            "perilune.interface.flight_computer.FlightComputer, or from BrakingLaw or DescentLaw of "
            "perilune.flight.guidance.laws."
        )
    name = name_of(computer)
    refuse_others(computer, name)
    computer = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), computer)

    if isinstance(computer, BrakingLaw | DescentLaw):
        check_law(computer, numbers)
        return computer

    def told(n):
        zero, three, four = jnp.zeros(()), jnp.zeros(3), jnp.zeros(4)
        brief = Briefing(
            design(n, jnp.zeros(3, bool)), three, n["flight.period_s"], three, three, four, n["lander.propellant_mass_kg"], zero
        )
        return brief, nothing_measured(four, n["flight.period_s"])

    brief, measured = jax.eval_shape(told, numbers)
    memory = tried(computer, "init", brief)
    answer = tried(computer, "step", memory, measured, jax.ShapeDtypeStruct((), jnp.int32))
    if not isinstance(answer, tuple) or len(answer) != 3:
        raise UserError(f"{name}: step answers {words(answer)}, and memory, Commands, Report are wanted, in this order.")
    for got, kind, which in zip(answer[1:], (Commands, Report), ("second", "third"), strict=True):
        if not isinstance(got, kind):
            raise UserError(f"{name}: the {which} answer of step is {words(got)}, and a {kind.__name__} is wanted.")
    commands, report = answer_shapes()
    found = [
        *misfits(memory, answer[0], "memory", is_exact=True),
        *misfits(commands, answer[1], "commands", is_exact=False),
        *misfits(report, answer[2], "report", is_exact=False),
    ]
    if found:
        more = f"; and {len(found) - SAID} more" if len(found) > SAID else ""
        raise UserError(f"{name}: step answers what does not fit: {'; '.join(found[:SAID])}{more}.")
    return computer


def check_law(law: GuidanceLaw, numbers: dict[str, Any]) -> None:
    """Try a guidance law on shapes. Raises UserError with one sentence."""
    name = name_of(law)

    def shapes(n):
        number, three, flag = jnp.zeros(()), jnp.zeros(3), jnp.zeros((), bool)

        def filled(kind: type, **given: Any) -> Any:
            vectors = {f.name: three for f in fields(kind) if f.name.endswith("_M")}
            return kind(**({f.name: number for f in fields(kind)} | vectors | given))

        told = {"geometry": filled(Geometry), "settings": filled(GuidanceSettings), "design": design(n, jnp.zeros(3, bool))}
        note = jnp.zeros(2)
        if isinstance(law, DescentLaw):
            return {"acceleration": (filled(Fall, is_terminal=flag, is_final=flag, **told), three)}
        situation = filled(Situation, note=note, **told)
        return {"aim": (situation, filled(Aim, note=note)), "push": (situation, filled(Push))}

    asked = jax.eval_shape(shapes, numbers)
    for verb, (told, wanted) in asked.items():
        answer = tried(law, verb, told)
        if type(answer) is not type(wanted):
            raise UserError(f"{name}: {verb} answers {words(answer)}, and {words(wanted)} is wanted.")
        if found := misfits(wanted, answer, verb, is_exact=True):
            raise UserError(f"{name}: what {verb} answers does not fit: {'; '.join(found[:SAID])}.")


def tried(computer: FlightComputer | GuidanceLaw, verb: str, *shapes: Any) -> Any:
    """The shapes that a method answers. Raises UserError where it fails, with the line of its file where it did."""
    name = name_of(computer)

    def called(computer: FlightComputer | GuidanceLaw, *given: Any) -> Any:
        answer = getattr(computer, verb)(*given)
        refuse_others(answer, f"{name}: {verb} answers what cannot be carried from cycle to cycle: ")
        return answer

    try:
        return jax.eval_shape(called, computer, *shapes)
    except UserError as problem:
        raise UserError(str(problem) if name in str(problem) else f"{name}: {problem}") from None
    except Exception as problem:
        file = file_of(type(computer))
        lines = [f.lineno for f in traceback.extract_tb(problem.__traceback__) if file and Path(f.filename) == file]
        where = f", line {lines[-1]}" if lines else ""
        hint = HINT if isinstance(problem, TRACED) else ""
        said = (str(problem).strip().splitlines() or ["no message"])[0]
        raise UserError(f"{name}{where}: {verb} fails when it is tried: {type(problem).__name__}: {said}{hint}") from None


def words(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, jax.ShapeDtypeStruct):
        return f"{value.dtype.name} of shape {value.shape}"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, tuple | list) else "")


def misfits(wanted: Any, found: Any, what: str, is_exact: bool) -> list[str]:
    """Where a tree of shapes differs from the wanted one, as half sentences; types exactly, or in kind (number, count, flag)."""
    want, have = ({keystr(path): leaf for path, leaf in tree_leaves_with_path(tree)} for tree in (wanted, found))
    said = []
    for path, leaf in want.items():
        if path not in have:
            inside = [p for p in have if p.startswith(path)]
            said.append(f"{what}{path} is {'a list or tree' if inside else 'not there'}, {words(leaf)} is wanted")
            continue
        got = have[path]
        kinds = [x.dtype.name if is_exact else x.dtype.kind.replace("u", "i") for x in (leaf, got)]
        if leaf.shape != got.shape or kinds[0] != kinds[1]:
            said.append(f"{what}{path} is {words(got)}, {words(leaf)} is wanted")
    told = set(want)
    said += [f"{what}{path} is new" for path in have if path not in told and not any(path.startswith(p) for p in told if p)]
    if not said and jax.tree.structure(wanted) != jax.tree.structure(found):
        said.append(f"{what} is built differently from what init answered")
    return said
