"""How a flight met the ground, judged against the mission's requirements."""

from dataclasses import asdict, dataclass

import numpy as np

from perilune.foundation.moon import RADIUS, ROTATION_RATE
from perilune.interface.events import INDEX
from perilune.simulation.mission import Requirements
from perilune.simulation.simulate import Snapshot
from perilune.world.contact import Rest


@dataclass(frozen=True)
class TouchdownFigures:
    """The moment of first contact. Speeds over the ground; tilt of the thrust axis from the vertical."""

    time_s: float
    vertical_speed_mps: float  # down positive
    horizontal_speed_mps: float
    tilt_deg: float
    slope_deg: float
    miss_distance_m: float
    propellant_kg: float
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True)
class RestFigures:
    """How it ended on the ground after first contact."""

    time_s: float  # after first contact
    is_at_rest: bool
    tilt_deg: float  # of the thrust axis from the vertical
    greatest_tilt_deg: float  # on the way
    heading_deg: float  # of body X, from north over east
    clearance_m: float  # under the body
    hull_touched: bool
    peak_load_n: float  # of the most loaded strut
    peak_stroke_m: float
    sinkage_m: float  # of the deepest footpad
    broken_legs: tuple[int, ...]  # by number, from 1


@dataclass(frozen=True)
class Margin:
    """One requirement: limit, what was flown, and how much is left (negative: broken)."""

    requirement: str
    limit: float
    value: float
    unit: str

    @property
    def left(self) -> float:
        """limit − value."""
        return self.limit - self.value


@dataclass(frozen=True)
class Outcome:
    """The verdict on one flight."""

    outcome: str
    reason: str
    touchdown: TouchdownFigures | None
    margins: tuple[Margin, ...]
    rest: RestFigures | None = None

    @property
    def is_within_requirements(self) -> bool:
        """Landed, and inside the miss distance too."""
        return self.outcome == "landed" and all(margin.left >= 0 for margin in self.margins)

    def as_dict(self) -> dict:
        """For JSON."""
        margins = [{**asdict(margin), "left": margin.left} for margin in self.margins]
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "touchdown": asdict(self.touchdown) if self.touchdown else None,
            "rest": asdict(self.rest) if self.rest else None,
            "margins": margins,
        }


def rotate(q, v):
    """NumPy twin of `foundation.rotation.rotate` for one quaternion."""
    u = q[1:]
    t = 2.0 * np.cross(u, v)
    return v + q[0] * t + np.cross(u, t)


def touchdown_figures(snapshot: Snapshot, site_M: np.ndarray) -> TouchdownFigures:
    """Figures of one lane from its last snapshot."""
    touch = snapshot.truth.touchdown
    time = float(touch.time)
    position = np.asarray(touch.position_I)
    up = position / np.linalg.norm(position)
    velocity = np.asarray(touch.velocity_I) - np.cross([0.0, 0.0, ROTATION_RATE], position)
    down = -float(velocity @ up)
    axis = rotate(np.asarray(touch.attitude_IB), np.array([0.0, 0.0, 1.0]))
    angle = ROTATION_RATE * time
    x, y, z = up
    longitude = np.degrees(np.arctan2(y, x) - angle)
    site = site_M / np.linalg.norm(site_M)
    up_M = np.array([np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x, z])
    apart = np.arctan2(np.linalg.norm(np.cross(up_M, site)), up_M @ site)
    return TouchdownFigures(
        time_s=time,
        vertical_speed_mps=down,
        horizontal_speed_mps=float(np.linalg.norm(velocity + down * up)),
        tilt_deg=float(np.degrees(np.arccos(np.clip(axis @ up, -1.0, 1.0)))),
        slope_deg=float(np.degrees(np.arctan(np.hypot(*touch.slope)))),
        miss_distance_m=float(RADIUS * apart),
        propellant_kg=float(touch.propellant),
        latitude_deg=float(np.degrees(np.arcsin(z))),
        longitude_deg=float((longitude + 180.0) % 360.0 - 180.0),
    )


def rest_figures(rest: Rest) -> RestFigures | None:
    """Figures of one lane; None of one whose numbers broke down on the ground."""
    if not bool(rest.is_finite):
        return None
    return RestFigures(
        time_s=float(rest.time),
        is_at_rest=bool(rest.is_at_rest),
        tilt_deg=float(np.degrees(rest.tilt)),
        greatest_tilt_deg=float(np.degrees(rest.greatest_tilt)),
        heading_deg=float(np.degrees(rest.heading) % 360.0),
        clearance_m=float(rest.clearance),
        hull_touched=bool(rest.hull_touched),
        peak_load_n=float(np.max(rest.peak_load)),
        peak_stroke_m=float(np.max(rest.peak_stroke)),
        sinkage_m=float(np.max(rest.peak_sinkage)),
        broken_legs=tuple(int(k) + 1 for k in np.flatnonzero(rest.is_broken)),
    )


def margins_of(figures: TouchdownFigures, limits: Requirements, rest: RestFigures | None = None) -> tuple[Margin, ...]:
    """Each requirement against what was flown. The tilt that is judged is the resting one; of a lander that broke up, the larger
    of the tilt at contact and the slope that it would have come to rest on."""
    tilt = rest.tilt_deg if rest else max(figures.tilt_deg, figures.slope_deg)
    return (
        Margin("vertical_speed_mps", limits.vertical_speed_mps, figures.vertical_speed_mps, "m/s"),
        Margin("horizontal_speed_mps", limits.horizontal_speed_mps, figures.horizontal_speed_mps, "m/s"),
        Margin("tilt_deg", limits.tilt_deg, tilt, "deg"),
        Margin("miss_distance_m", limits.miss_distance_m, figures.miss_distance_m, "m"),
    )


def on_the_ground(how: str, rest: RestFigures, limits: Requirements, stroke_limit_m: float) -> tuple[str, str]:
    """Outcome and sentence of a lander that met the ground slowly enough to stay whole."""
    stands = f"{rest.tilt_deg:.0f}° from upright with {rest.clearance_m:.2f} m under its body"
    if not rest.is_at_rest:
        stands = f"{rest.tilt_deg:.0f}° from upright and still moving after {rest.time_s:.0f} s"
    if rest.tilt_deg > limits.tip_over_tilt_deg:
        return "tipped", f"It met the ground at {how} and fell over: it lies {rest.tilt_deg:.0f}° from upright."
    broken = []
    if rest.broken_legs:
        legs = ", ".join(str(k) for k in rest.broken_legs)
        broken.append(f"leg{'s' if len(rest.broken_legs) > 1 else ''} {legs} broke")
    if rest.peak_stroke_m > stroke_limit_m:
        broken.append("a strut struck its stop")
    if rest.hull_touched:
        broken.append("its body struck the ground")
    if broken:
        return "hard_landing", f"It met the ground at {how}: {' and '.join(broken)}; it stands {stands}."
    return "landed", f"It met the ground at {how} and stands {stands}."


def classify(
    snapshot: Snapshot, site_M: np.ndarray, limits: Requirements, rest: Rest | None = None, stroke_limit_m: float = np.inf
) -> Outcome:
    """Outcome of one lane; precedence: diverged, timeout, crashed, tipped, hard landing, landed (docs/models.md). `rest`: how it
    ended on the ground, of a lane that met it slowly enough."""
    if not bool(snapshot.truth.has_contact):
        if bool(snapshot.truth.has_diverged):
            return Outcome("diverged", "The state of the flight stopped being finite numbers; the lane was ended.", None, ())
        return Outcome("timeout", "The time limit ran out before the lander met the ground.", None, ())
    figures = touchdown_figures(snapshot, site_M)
    speed = float(np.hypot(figures.vertical_speed_mps, figures.horizontal_speed_mps))
    is_dry = int(snapshot.log.tick[INDEX["propellant_exhausted"]]) >= 0
    how = f"{figures.vertical_speed_mps:.1f} m/s down and {figures.horizontal_speed_mps:.1f} m/s across"
    if speed > limits.crash_speed_mps:
        margins = margins_of(figures, limits)
        dry = " with dry tanks" if is_dry else ""
        if figures.time_s < 0.0:  # mission time 0 is the end of the orbit phase
            angle = np.degrees(np.arctan2(figures.vertical_speed_mps, figures.horizontal_speed_mps))
            when = f"{-figures.time_s / 60.0:.1f} min before powered descent was due, {angle:.1f}° below the horizon"
            return Outcome("crashed", f"It met the ground from orbit at {speed:.0f} m/s, {when}.", figures, margins)
        return Outcome("crashed", f"It met the ground at {how}{dry}.", figures, margins)
    ended = rest_figures(rest) if rest is not None else None
    margins = margins_of(figures, limits, ended)
    if ended is None:
        lost = "what became of it on the ground could not be computed"
        return Outcome("hard_landing", f"It met the ground at {how}; {lost}.", figures, margins)
    outcome, reason = on_the_ground(how, ended, limits, stroke_limit_m)
    return Outcome(outcome, reason, figures, margins, ended)


def classify_batch(last: Snapshot, scenarios, limits: Requirements, rest: Rest | None) -> list[Outcome]:
    """Outcomes of all lanes of a batch. `rest`: how lanes that met the ground slowly enough ended on it."""
    import jax

    last, rest = jax.device_get((last, rest))
    site_M, strokes = jax.device_get((scenarios.flight_software.settings.guidance.site_M, scenarios.world.legs.stroke_limit))

    def lane(k: int) -> Outcome:
        ours, ended = (jax.tree.map(lambda x: x[k], tree) for tree in (last, rest))
        return classify(ours, site_M[k], limits, ended, float(strokes[k, 0]))

    return [lane(k) for k in range(len(last.tick))]
