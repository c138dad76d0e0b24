"""How a flight met the ground, judged against the mission's requirements."""

from dataclasses import asdict, dataclass

import numpy as np

from perilune.foundation.moon import RADIUS, ROTATION_RATE
from perilune.interface.events import INDEX
from perilune.simulation.mission import Requirements
from perilune.simulation.simulate import Snapshot


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


def margins_of(figures: TouchdownFigures, limits: Requirements) -> tuple[Margin, ...]:
    """Each requirement against what was flown. The ground's slope is what the lander comes to rest on, so the tilt
    that is judged is the larger of the tilt at contact and the slope."""
    return (
        Margin("vertical_speed_mps", limits.vertical_speed_mps, figures.vertical_speed_mps, "m/s"),
        Margin("horizontal_speed_mps", limits.horizontal_speed_mps, figures.horizontal_speed_mps, "m/s"),
        Margin("tilt_deg", limits.tilt_deg, max(figures.tilt_deg, figures.slope_deg), "deg"),
        Margin("miss_distance_m", limits.miss_distance_m, figures.miss_distance_m, "m"),
    )


def classify(snapshot: Snapshot, site_M: np.ndarray, limits: Requirements) -> Outcome:
    """Outcome of one lane; precedence: timeout, crashed, tipped, hard landing, landed (docs/models.md)."""
    if not bool(snapshot.truth.has_contact):
        if bool(snapshot.truth.has_diverged):
            return Outcome("timeout", "The state of the flight stopped being finite numbers; the lane was ended.", None, ())
        return Outcome("timeout", "The time limit ran out before the lander met the ground.", None, ())
    figures = touchdown_figures(snapshot, site_M)
    margins = margins_of(figures, limits)
    speed = float(np.hypot(figures.vertical_speed_mps, figures.horizontal_speed_mps))
    is_dry = int(snapshot.log.tick[INDEX["propellant_exhausted"]]) >= 0
    how = f"{figures.vertical_speed_mps:.1f} m/s down and {figures.horizontal_speed_mps:.1f} m/s across"
    if speed > limits.crash_speed_mps:
        dry = " with dry tanks" if is_dry else ""
        if figures.time_s < 0.0:  # mission time 0 is the end of the orbit phase
            angle = np.degrees(np.arctan2(figures.vertical_speed_mps, figures.horizontal_speed_mps))
            when = f"{-figures.time_s / 60.0:.1f} min before powered descent was due, {angle:.1f}° below the horizon"
            return Outcome("crashed", f"It met the ground from orbit at {speed:.0f} m/s, {when}.", figures, margins)
        return Outcome("crashed", f"It met the ground at {how}{dry}.", figures, margins)
    if max(figures.tilt_deg, figures.slope_deg) > limits.tip_over_tilt_deg:
        return Outcome("tipped", f"It met the ground at {how}, tilted beyond what stands.", figures, margins)
    broken = [m for m in margins if m.left < 0 and m.requirement != "miss_distance_m"]
    if broken:
        worst = ", ".join(f"{m.requirement} {m.value:.2f} over {m.limit:g}" for m in broken)
        return Outcome("hard_landing", f"It met the ground at {how}, outside its requirements: {worst}.", figures, margins)
    return Outcome("landed", f"It met the ground at {how}, within its requirements.", figures, margins)


def classify_batch(last: Snapshot, scenarios, limits: Requirements) -> list[Outcome]:
    """Outcomes of all lanes of a batch."""
    import jax

    last = jax.device_get(last)
    site_M = jax.device_get(scenarios.flight_software.settings.guidance.site_M)
    return [classify(jax.tree.map(lambda x, k=k: x[k], last), site_M[k], limits) for k in range(len(last.tick))]
