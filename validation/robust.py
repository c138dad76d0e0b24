"""Anything broken, on any lander: thousands of flights with faults and figures drawn at random, and what must hold in each."""

from collections import Counter
from typing import Any

import jax
import numpy as np

from perilune.assessment.outcome import classify_batch
from perilune.campaign.batch import WIDTH, in_orbit
from perilune.campaign.jobs import EVERY, batch_of
from perilune.campaign.pool import spread as over_cores
from perilune.campaign.summary import COLUMN
from perilune.foundation.errors import UserError
from perilune.simulation.checks import check_faults
from perilune.simulation.fault_rows import OPPOSITES
from perilune.simulation.mission import Mission, built_in
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from perilune.world.faults import CATALOGUE
from perilune.world.faults.kinds import FaultKind

from .report import Claim, Section

BATCHES = 80  # of 128: over 10⁴ cases
MOST = 4  # faults a case
MISSIONS = built_in()
# Figures of the lander that a case draws, and by how much they may stand off the built-in one's.
FIGURES = {
    "lander.dry_mass_kg": 0.2,
    "lander.propellant_mass_kg": 0.2,
    "lander.inertia_dry_kgm2": 0.5,
    "lander.engines.main.thrust_n": 0.3,
    "lander.engines.assist.thrust_n": 0.3,
    "lander.engines.attitude.thrust_n": 0.5,
    "lander.engines.main.specific_impulse_s": 0.2,
    "site.reflectance_1064nm": 0.5,
}


def kinds_of(mission: Mission) -> list[FaultKind]:
    """The kinds that can strike this lander: it has the part, and flies from powered descent."""

    def fits(kind: FaultKind) -> bool:
        try:
            check_faults({kind.name: kind.example}, mission, mission.name)
        except UserError:
            return False
        return not in_orbit(kind.name)

    return [kind for kind in CATALOGUE.values() if fits(kind)]


def drawn_faults(rng: np.random.Generator, kinds: list[FaultKind]) -> dict[str, Any]:
    """For each lane one to four kinds, up to the ends of their ranges (small ones as likely as large), at one moment."""
    start = rng.uniform(0.0, 750.0, WIDTH)
    values = {kind.name: np.zeros(WIDTH) for kind in kinds}
    for lane in range(WIDTH):
        for k in rng.choice(len(kinds), rng.integers(1, MOST + 1), replace=False):
            kind = kinds[k]
            end = kind.upper if kind.lower == 0.0 or rng.random() < 0.5 else kind.lower
            values[kind.name][lane] = end if kind.is_switch or end == 0.0 else end * 10.0 ** rng.uniform(-6.0, 0.0)
    for name, value in values.items():
        target, _, what = name.partition(".")
        for one, other in OPPOSITES:
            if what == one and f"{target}.{other}" in values:
                values[f"{target}.{other}"][value != 0.0] = 0.0
    return {
        kind.name: {"magnitude": values[kind.name], "start_s": start} if kind.strikes_in_flight else values[kind.name]
        for kind in kinds
    }


def fly_cases(seed: int) -> dict[str, Any]:
    """One batch of cases: what came of them, and how far each of what must hold was off."""
    rng = np.random.default_rng(seed)
    batch = batch_of(MISSIONS[seed % len(MISSIONS)])
    kinds = kinds_of(batch.mission)
    numbers = {path: batch.numbers[path] for path in FIGURES}
    changes = {
        path: value * (1.0 + FIGURES[path] * rng.uniform(-1.0, 1.0, (WIDTH, *([1] * np.ndim(value)))))
        for path, value in numbers.items()
    }
    flown = batch.fly(
        range(WIDTH * seed, WIDTH * (seed + 1)), recorder(BATCH_CHANNELS, True), EVERY, drawn_faults(rng, kinds), changes
    )
    last = jax.device_get(flown.last)
    outcomes = classify_batch(flown.last, flown.scenarios, batch.mission.requirements, flown.rest)
    truth = jax.tree.leaves((last.truth.motion, last.truth.touchdown, last.truth.engines, last.truth.foot_height))
    finite = np.all([np.isfinite(leaf.reshape(WIDTH, -1)).all(axis=1) for leaf in truth], axis=0)
    diverged = np.asarray(last.truth.has_diverged)
    norm = np.linalg.norm(np.asarray(last.truth.motion.attitude_IB)[~diverged], axis=1)
    fuel = flown.records[:, :, COLUMN["truth/propellant_kg"]].astype(float)
    ranges = np.asarray(last.measurements.slant_range)
    return {
        "kinds": [kind.name for kind in kinds],
        "outcomes": [outcome.outcome for outcome in outcomes],
        "diverged": int(diverged.sum()),
        "not finite and not said so": int(np.sum(~finite & ~diverged)),
        "quaternion": float(np.max(np.abs(norm - 1.0))),
        "propellant gained": float(np.nanmax(np.diff(fuel, axis=0))),
        "range below zero": int(np.sum(ranges < 0.0)),
        "without an outcome": int(np.sum([not outcome.reason for outcome in outcomes])),
    }


def study(batches: int = BATCHES) -> Section:
    """All of it."""
    found = list(over_cores(fly_cases, range(1, batches + 1)))
    cases = batches * WIDTH
    kinds = {name for part in found for name in part["kinds"]}
    outcomes = Counter(outcome for part in found for outcome in part["outcomes"])
    total = {key: sum(part[key] for part in found) for key in found[0] if isinstance(found[0][key], int)}
    quaternion, gained = (max(part[key] for part in found) for key in ("quaternion", "propellant gained"))
    return Section(
        "Anything broken",
        words=[
            f"{cases:,} flights of all landers in turn ({', '.join(MISSIONS)}), each with its seed and one to {MOST} faults out "
            f"of {len(kinds)} kinds, of those that its lander has the parts for: magnitudes over six decades up to the ends of "
            "their ranges, at one moment of the flight. Masses, inertia, thrusts and specific impulse of the lander stand up to "
            "20 to 50 % off its own, as drawn and as flown.",
            f"Outcomes: {dict(outcomes.most_common())}.",
        ],
        claims=[
            Claim("lanes with figures that are not finite and that do not say so", str(total["not finite and not said so"]), "0",
                  "all true leaves at the end", total["not finite and not said so"] == 0),
            Claim("lanes that were ended as diverged", str(total["diverged"]), "printed", "“diverged”, with its sentence"),
            Claim("lanes without an outcome and its sentence", str(total["without an outcome"]), "0", "classify",
                  total["without an outcome"] == 0),
            Claim("attitude quaternion off unit length, worst", f"{quaternion:.1e}", "≤ 1e-12", "rounding", quaternion <= 1e-12),
            Claim("propellant gained from one second to the next, most, kg", f"{gained:.1e}", "≤ 0", "tanks only drain",
                  gained <= 0.0),
            Claim("reported ranges below zero", str(total["range below zero"]), "0", "last readings",
                  total["range below zero"] == 0),
        ],
    )  # fmt: skip
