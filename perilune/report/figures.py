"""The four figures of a flight, drawn from its channels."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from perilune.assessment.flight import Flight
from perilune.foundation.moon import RADIUS
from perilune.simulation.fault_rows import words
from perilune.telemetry.readouts import Fit, Readouts, fit, waiting_ends

from .orbit_figure import orbit_phase
from .style import BAD, BELIEVED, GOOD, GROUND, PUBLISHED, TRUE, WEAK, new_figure, save

MARKED = ("powered_descent_initiation", "braking_end", "range_finder_acquired", "terminal_descent_start", "touchdown")
SHORT = ("ignition", "braking ends", "first valid range", "terminal descent", "touchdown")
IN_REACH_M = 60e3  # farther than this the beam passes over the horizon, or as good as
OUTCOME_WORDS = {"landed": "landed", "hard_landing": "hard landing", "crashed": "crashed", "tipped": "tipped over",
                 "timeout": "timed out", "diverged": "diverged"}  # fmt: skip


def heading(flight: Flight) -> str:
    """What every figure says first."""
    faults = ", ".join(words(name, value) for name, value in flight.faults.items()) or "no fault"
    own = "" if flight.flew_built_in() else f" · {flight.flight_software['name']}"
    return f"{flight.mission} · {flight.chance} · {faults} · {OUTCOME_WORDS[flight.outcome.outcome]}{own}"


def thinned(flight: Flight, chosen: slice | np.ndarray = slice(None)) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every fifth sample (2 Hz) of the chosen ones: all that a line across the page can show, in a fifth of the file."""
    channels = {name: values[chosen][::5] for name, values in flight.channels.items()}
    return channels, channels["time_s"]


def mark_events(flight: Flight, axes, since_s: float = 0.0, label: bool = False) -> None:
    """Thin lines at the main events; their names along the top of one panel, where they do not lie on one another."""
    named = {"left": -np.inf, "right": -np.inf}
    for name, short in zip(MARKED, SHORT, strict=True):
        event = flight.event(name)
        if event is None or event.time_s < since_s:
            continue
        for axis in axes:
            axis.axvline(event.time_s, color="#999999", linewidth=0.7, zorder=0)
        side = "right" if name in ("range_finder_acquired", "braking_end") else "left"  # these are written before their line
        if label and event.time_s - named[side] > 0.02 * (flight.time[-1] - since_s):
            named[side] = event.time_s
            axes[0].annotate(
                short, (event.time_s, 1.0), xycoords=("data", "axes fraction"), rotation=90, fontsize=7,
                ha=side, va="top", color="#555555",
                xytext=(-1 if side == "right" else 1, -2), textcoords="offset points",
            )  # fmt: skip


def descent(flight: Flight, readouts: Readouts | None) -> Figure:
    """Height and speed against time, whole flight and last three minutes, with the published readouts over them."""
    figure = new_figure(10.5, 6.5, left=0.06, right=0.99, top=0.9, bottom=0.075, wspace=0.1, hspace=0.08)
    figure.suptitle(heading(flight), x=0.01, ha="left", fontsize=10)
    grid = figure.subplots(2, 2, sharex="col")
    c, time = thinned(flight)
    matched = None
    if readouts is not None:
        height, speed = c["navigation/height_above_site_m"], c["navigation/speed_mps"]
        acquired = flight.event("range_finder_acquired")
        until = waiting_ends(acquired.time_s, acquired.height_above_terrain_m) if acquired else None
        matched = fit(readouts, time, speed, height, until)
    for column, start in enumerate((0.0, max(time[-1] - 200.0, 0.0))):
        top, bottom = grid[0, column], grid[1, column]
        late = time >= start
        top.plot(time[late], c["truth/height_above_terrain_m"][late] / 1e3, color=TRUE, label="true, above the terrain")
        top.plot(time[late], c["navigation/height_above_site_m"][late] / 1e3, color=BELIEVED, linestyle="--",
                 label="believed on board, above the site radius")  # fmt: skip
        bottom.plot(time[late], c["truth/speed_mps"][late], color=TRUE, label="true, over the ground")
        bottom.plot(time[late], c["navigation/speed_mps"][late], color=BELIEVED, linestyle="--", label="believed on board")
        if readouts is not None and matched is not None:
            draw_readouts(top, bottom, readouts, matched)
        mark_events(flight, (top, bottom), start, label=column == 1)
        top.set_xlim(start, float(time[-1]) + 3.0)
        top.set_ylim(bottom=min(0.0, float(c["navigation/height_above_site_m"][late].min()) / 1e3))
        bottom.set_xlabel("mission time, s")
    grid[0, 0].set_ylabel("height, km")
    grid[1, 0].set_ylabel("speed, m/s")
    grid[0, 0].set_title("Whole flight")
    grid[0, 1].set_title("Last 200 s")
    grid[0, 0].legend(loc="lower left", fontsize=8)
    grid[1, 0].legend(loc="lower left", fontsize=8)
    if matched is not None and flight.readouts_credit:
        figure.text(0.995, 0.985, f"Broadcast: {flight.readouts_credit}", ha="right", va="top", fontsize=6, color="#555555")
    return figure


def draw_readouts(top, bottom, readouts: Readouts, matched: Fit) -> None:
    """The broadcast's figures as dots."""
    when = matched.origin_s + readouts.time_s
    left, right = top.get_xlim()
    shown = (when >= left) & (when <= right)
    top.plot(when[shown], readouts.height_m[shown] / 1e3, ".", color=PUBLISHED, markersize=4,
             label=f"broadcast (shift {matched.shift_s:+.1f} s): rms {matched.height_rms:.0f} m")  # fmt: skip
    bottom.plot(when[shown], readouts.speed_mps[shown], ".", color=PUBLISHED, markersize=4,
                label=f"broadcast: rms {matched.speed_rms:.1f} m/s")  # fmt: skip


def along_track(flight: Flight) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ground distance to the site (km, negative before it), height of lander and of ground over the site radius (km)."""
    c = flight.channels
    east, north = c["truth/east_of_site_m"], c["truth/north_of_site_m"]
    heading_e, heading_n = east[0] / np.hypot(east[0], north[0]), north[0] / np.hypot(east[0], north[0])
    radius = RADIUS
    straight = -(east * heading_e + north * heading_n)
    distance = radius * np.arcsin(np.clip(straight / radius, -1, 1))
    height = c["truth/height_above_site_m"]
    return distance / 1e3, height / 1e3, (height - c["truth/height_above_terrain_m"]) / 1e3


def trajectory(flight: Flight) -> Figure:
    """The path over the ground's profile: the whole descent stretched, the end of it to scale with the beam."""
    figure = new_figure(10.5, 7.0, left=0.06, right=0.985, top=0.91, bottom=0.075, hspace=0.25)
    figure.suptitle(heading(flight), x=0.01, ha="left", fontsize=10)
    whole, close = figure.subplots(2, 1, height_ratios=(1.0, 1.5))
    distance, height, ground = along_track(flight)
    for axis in (whole, close):
        beyond = np.append(distance[::5], distance.max() + 20.0)  # the ground ahead of the site is drawn level
        level = np.append(ground[::5], ground[-1])
        axis.fill_between(beyond, level, ground.min() - 5.0, color=GROUND, alpha=0.6, linewidth=0)
        axis.plot(distance, height, color=TRUE)
        axis.set_ylabel("height over the site radius, km")
    whole.set_xlim(distance.min() - 5.0, distance.max() + 15.0)
    whole.set_ylim(ground.min() - 1.0, height.max() + 1.0)
    whole.set_title("Whole descent over the ground below it (heights stretched)")
    span = 16.0
    span = max(span, 1.0 - float(distance.max()))  # a flight that ended far from the site is shown there
    near = distance > -span
    close.set_aspect("equal")
    close.set_xlim(-span, max(1.0, float(distance.max()) + 0.5))
    close.set_ylim(float(ground[near].min()) - 0.3, float(height[near].max()) + 0.3)
    close.set_title("The end of the flight to scale; the range finder's beam every 5 s")
    close.set_xlabel("ground distance to the site, km")
    draw_beams(flight, close, distance, height, near)
    for name, short in zip(MARKED, SHORT, strict=True):
        event = flight.event(name)
        if event:
            at = float(np.interp(event.time_s, flight.time, distance))
            up = float(np.interp(event.time_s, flight.time, height))
            axis = close if at > -span else whole
            axis.plot(at, up, "o", color=TRUE, markersize=4)
            x, y, side = {"terminal_descent_start": (-8, -3, "right"), "touchdown": (8, -12, "left")}.get(name, (8, 4, "left"))
            axis.annotate(f"{short}, {up:.2f} km", (at, up), xytext=(x, y), textcoords="offset points", fontsize=8, ha=side)
    return figure


def draw_beams(flight: Flight, axis, distance, height, near) -> None:
    """Lines from the lander to where the beam met the ground, coloured by what came back."""
    c = flight.channels
    shots = np.flatnonzero((c["truth/slant_range_m"] > 0) & near)[::10]
    east, north = c["truth/east_of_site_m"][0], c["truth/north_of_site_m"][0]
    forward = -(c["truth/boresight_L_e"] * east + c["truth/boresight_L_n"] * north) / np.hypot(east, north)
    for k in shots:
        reach = c["truth/slant_range_m"][k] / 1e3
        valid, detected = c["range_finder/is_valid"][k] > 0, c["range_finder/is_detected"][k] > 0
        colour = GOOD if valid else WEAK if detected else BAD
        along = [distance[k], distance[k] + reach * forward[k]]
        down = [height[k], height[k] + reach * c["truth/boresight_L_u"][k]]
        axis.plot(along, down, color=colour, linewidth=0.6, alpha=0.8)
    for colour, text in ((GOOD, "valid"), (WEAK, "detected, not valid"), (BAD, "no return")):
        axis.plot([], [], color=colour, label=text)
    axis.legend(loc="upper right", fontsize=8)


ERRORS = (
    ("height_above_site_m", "height_sigma_m", "height, m"),
    ("climb_rate_mps", "climb_rate_sigma_mps", "climb rate, m/s"),
    ("east_of_site_m", "east_sigma_m", "east, m"),
    ("velocity_east_mps", "velocity_east_sigma_mps", "velocity east, m/s"),
    ("north_of_site_m", "north_sigma_m", "north, m"),
    ("velocity_north_mps", "velocity_north_sigma_mps", "velocity north, m/s"),
)


def estimate_errors(flight: Flight) -> Figure:
    """Estimate − truth with the filter's own ±3 sigma."""
    figure = new_figure(10.5, 7.0, left=0.07, right=0.99, top=0.93, bottom=0.07, wspace=0.17, hspace=0.1)
    figure.suptitle(f"Estimate − truth · {heading(flight)}", x=0.01, ha="left", fontsize=10)
    axes = figure.subplots(3, 2, sharex=True)
    end = flight.outcome.touchdown.time_s if flight.outcome.touchdown else np.inf
    aloft = flight.time < end
    c, time = thinned(flight, aloft)
    for axis, (name, sigma, label) in zip(axes.flat, ERRORS, strict=True):
        error, band = c[f"navigation/{name}"] - c[f"truth/{name}"], 3.0 * c[f"navigation/{sigma}"]
        if np.isfinite(band).any():  # software of one's own believes no sigma
            axis.fill_between(time, -band, band, color=BELIEVED, alpha=0.25, linewidth=0, label="±3 sigma believed")
        axis.plot(time, error, color=TRUE, linewidth=1.0, label="estimate − truth")
        axis.set_ylabel(label)
        mark_events(flight, (axis,))
    axes[0, 0].legend(loc="upper left", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("mission time, s")
    return figure


def range_returns(flight: Flight) -> Figure:
    """Return strength against slant range by what became of each, and slant range and incidence against time."""
    figure = new_figure(10.5, 6.5, left=0.065, right=0.94, top=0.92, bottom=0.085, wspace=0.17)
    figure.suptitle(f"Range finder · {heading(flight)}", x=0.01, ha="left", fontsize=10)
    left, right = figure.subplots(1, 2)
    c = flight.channels
    shots = (c["truth/slant_range_m"] > 0) & (c["truth/slant_range_m"] < IN_REACH_M)
    detected, valid = c["range_finder/is_detected"] > 0, c["range_finder/is_valid"] > 0
    refused = (c["range_finder/is_offered"] > 0) & ~(c["range_finder/is_accepted"] > 0)
    groups = (
        (shots & ~detected, BAD, "no return over the threshold"),
        (shots & detected & ~valid, WEAK, "weak: detected, not yet valid"),
        (shots & valid & ~refused, GOOD, "valid"),
        (shots & refused, PUBLISHED, "valid, rejected by the gate"),
    )
    reach = c["truth/slant_range_m"]
    for chosen, colour, text in groups:
        left.plot(reach[chosen] / 1e3, c["range_finder/strength"][chosen], ".", color=colour, markersize=4,
                  label=f"{text} ({int(chosen.sum())})")  # fmt: skip
    threshold = float(np.asarray(flight.resolved["lander.sensors.range_finder.detection_threshold"]))
    left.axhline(threshold, color="#555555", linewidth=0.8)
    left.annotate(
        "detection threshold",
        (0.98, threshold),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=8,
    )
    left.set(xscale="log", yscale="log", xlabel="true slant range, km", ylabel="return strength, signal over noise")
    left.legend(loc="upper right", fontsize=8)
    time = flight.time
    right.plot(time[shots], reach[shots] / 1e3, color=TRUE, label="true slant range")
    right.plot(time[shots & valid], c["range_finder/slant_range_m"][shots & valid] / 1e3, ".", color=GOOD, markersize=3,
               label="valid reading")  # fmt: skip
    right.set(xlabel="mission time, s", ylabel="slant range, km")
    angle = right.twinx()
    angle.grid(False)
    angle.plot(time[shots], c["truth/incidence_deg"][shots], color=BELIEVED, linewidth=0.8, label="incidence")
    angle.set(ylabel="incidence on the ground, deg", ylim=(0.0, 90.0))
    mark_events(flight, (right,), label=True)
    lines = [*right.get_lines()[:2], *angle.get_lines()]
    right.legend(lines, [line.get_label() for line in lines], loc="lower left", fontsize=8)
    return figure


def draw_all(flight: Flight, readouts: Readouts | None, folder: Path, kinds: tuple[str, ...]) -> list[Path]:
    """Draw and save the four figures, and a fifth of an orbit phase; where the ground came in orbit that one alone. Paths."""
    made = {}
    if not (flight.orbit and flight.orbit["impact"]):
        made = {
            "descent": descent(flight, readouts),
            "trajectory": trajectory(flight),
            "estimate_errors": estimate_errors(flight),
            "range_finder": range_returns(flight),
        }
    if flight.orbit:
        made["orbit"] = orbit_phase(flight, heading(flight))
    return [path for name, figure in made.items() for path in save(figure, folder, name, kinds)]
