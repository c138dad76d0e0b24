"""Gravity fields from files: ICGEM (.gfc) and PDS SHADR tables, normalised, with sentences for what is wrong."""

import math
import warnings
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from perilune.foundation import lunar_field
from perilune.foundation.errors import UserError
from perilune.foundation.harmonics import HarmonicField
from perilune.foundation.moon import AXES_PA_IN_ME, GM, GRAVITY_RADIUS

GM_TOLERANCE = 1e-5  # relative: published lunar fields differ by 1e-7; 4900.28 km³/s² in a known bad header by 5e-4


def shipped_field(degree: int = lunar_field.DEGREE) -> HarmonicField:
    """The published field that comes with the package. Raises UserError above its degree."""
    if degree > lunar_field.DEGREE:
        raise UserError(
            f"The gravity field of the package ends at degree {lunar_field.DEGREE}: for degree {degree} name a file in "
            "moon.gravity (ICGEM .gfc or SHADR)."
        )
    rows = [row for row in lunar_field.COEFFICIENTS if row[0] <= degree]
    return field_of(GM, GRAVITY_RADIUS, rows, degree, "of the package")


def read_field(path: str | Path, degree: int) -> HarmonicField:
    """A field up to `degree`, in the Moon's principal axes. Raises UserError with one sentence."""
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise UserError(f"Gravity file {path} cannot be read: {problem.strerror}.") from None
    try:
        parse = icgem if "gfc" in path.suffix.lower() or "end_of_head" in text else shadr
        gm, radius, rows = parse(text, degree)
    except (ValueError, IndexError, KeyError, StopIteration) as problem:
        raise UserError(f"Gravity file {path} is neither ICGEM (.gfc) nor SHADR: {problem}.") from None
    return field_of(gm, radius, rows, degree, str(path))


def number(word: str) -> float:
    """A number with a Fortran exponent or a C one."""
    return float(word.rstrip(",").replace("D", "e").replace("d", "e"))


def icgem(text: str, degree: int):
    """GM (m³/s²), radius (m) and rows (n, m, C̄, S̄) of an ICGEM file; its header ends with end_of_head."""
    head, _, body = text.partition("end_of_head")
    if not body:
        raise ValueError("there is no end_of_head")
    words = dict(line.split()[:2] for line in head.splitlines() if len(line.split()) >= 2)
    if words.get("norm", "fully_normalized") != "fully_normalized":
        raise ValueError(f"its normalisation is {words['norm']}")
    rows = []
    for line in body.splitlines():
        parts = line.split()
        if parts and parts[0] in ("gfc", "gfct") and int(parts[1]) <= degree:
            rows.append((int(parts[1]), int(parts[2]), number(parts[3]), number(parts[4])))
    constant = next(words[key] for key in ("gravity_constant", "earth_gravity_constant") if key in words)
    return number(constant), number(words["radius"]), rows


def shadr(text: str, degree: int):
    """The same of a SHADR table: radius and GM in the first line (km as PDS has them, or m), then n, m, C̄, S̄."""
    lines = text.splitlines()
    first = [number(word) for word in lines[0].replace(",", " ").split()[:2]]
    radius, gm = min(first), max(first)
    if radius < 1e5:
        radius, gm = 1e3 * radius, gm
    gm = gm * 1e9 if gm < 1e6 else gm
    rows = []
    for line in lines[1:]:
        parts = line.replace(",", " ").split()
        if len(parts) >= 4 and int(parts[0]) <= degree:
            rows.append((int(parts[0]), int(parts[1]), number(parts[2]), number(parts[3])))
    return gm, radius, rows


def field_of(gm: float, radius: float, rows, degree: int, name: str) -> HarmonicField:
    """A field from its rows, checked: complete to `degree`, and a GM that is the Moon's."""
    cosine, sine = np.zeros((degree + 1, degree + 1)), np.zeros((degree + 1, degree + 1))
    for n, m, c, s in rows:
        cosine[n, m], sine[n, m] = c, s
    highest = max((n for n, *_ in rows), default=0)
    if highest < degree:
        raise UserError(f"Gravity file {name} ends at degree {highest}: degree {degree} was asked for.")
    if not 1.5e6 < radius < 2.0e6 or not math.isfinite(gm):
        raise UserError(f"Gravity file {name} has a reference radius of {radius / 1e3:.1f} km: is it a field of the Moon?")
    if abs(gm / GM - 1.0) > GM_TOLERANCE:
        warnings.warn(
            f"Gravity file {name} says GM = {gm / 1e9:.6f} km³/s², the Moon's is {GM / 1e9:.6f} km³/s²: the latter is used.",
            stacklevel=2,
        )
        gm = GM
    cosine[0, 0] = 1.0
    return HarmonicField(
        jnp.asarray(gm, float), jnp.asarray(radius, float), jnp.asarray(cosine), jnp.asarray(sine), jnp.asarray(AXES_PA_IN_ME)
    )
