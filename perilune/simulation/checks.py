"""What a schema cannot say of a mission: figures that contradict each other, faults and paths that do not exist."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.moon import SURFACE_GRAVITY
from perilune.world.sensors.instruments import LATE

from .dispersion_checks import check_dispersions
from .fault_rows import Wanted, collected
from .flight_checks import flight_rules
from .layout import axes_without_torque, centre_at_start, pairs_balance, surrounds
from .mission import Mission, known_by_the_schema
from .nearest import nearest
from .sensor_checks import sensor_rules

FARTHEST_M = 1.8e6  # where the plane that the ground is laid in is stretched fourfold


def check_mission(mission: Mission, where: str) -> None:
    """Raises UserError with one sentence for the first thing that is wrong."""
    check_figures(mission, where)
    names = [fault.name for fault in mission.faults]
    if len(names) != len(set(names)):
        raise UserError(f"{where}: a fault stands twice in [[faults]]: {', '.join(names)}.")
    check_faults(mission_faults(mission), mission, where)
    check_paths(mission, where)


def mission_faults(mission: Mission) -> dict[str, Any]:
    """The mission's own faults by name."""
    return {fault.name: fault.table() for fault in mission.faults}


def with_mission_faults(mission: Mission, healthy: bool, extra: Mapping[str, Any]) -> dict[str, Any]:
    """The mission's own faults (unless healthy) with `extra` put in or over them. A magnitude alone leaves one of the mission's
    own its trigger."""
    own = {} if healthy else mission_faults(mission)

    def over(name, value):
        return {**own[name], "magnitude": value} if name in own and not isinstance(value, Mapping) else value

    return {**own, **{name: over(name, value) for name, value in extra.items()}}


def check_faults(faults: Mapping[str, Any], mission: Mission, where: str) -> list[Wanted]:
    """The faults of a flight of this mission. Raises UserError for one that is not known, contradicts another, or could never
    strike."""
    found = collected(faults, where)
    limit_s = mission.start.time_limit_s
    for fault in found:
        check_part(fault, mission, where)
        begins = np.max(np.asarray(0.0 if fault.start_s is None else fault.start_s) + np.asarray(fault.delay_s))
        if begins >= limit_s:
            late = f"fault {fault.name} waits for T+{begins:g} s"
            raise UserError(f"{where}: {late}, and the flight is given up at {limit_s:g} s: it could never strike.")
    return found


def check_part(fault: Wanted, mission: Mission, where: str) -> None:
    """The lander has what is to fail."""
    lander, target = mission.lander, fault.kind.target
    beams = lander.sensors.doppler_beams
    if fault.kind.name.startswith("velocimeter.beam_"):
        target = "doppler_beams"
    if target in LATE and getattr(lander.sensors, target) is None:
        raise UserError(
            f"{where}: fault {fault.name}: this lander has no {target}; give it one as [lander.sensors.{target}], or leave the "
            "fault out."
        )
    if target == "velocimeter" and beams is None and lander.sensors.velocimeter.is_fitted < 0.5:
        raise UserError(f"{where}: fault {fault.name}: this lander has no velocimeter and no Doppler beams.")
    if fault.event == "main_engine_off" and not lander.engines.assist.place_m:
        raise UserError(
            f"{where}: fault {fault.name} waits for the main engine to be off before contact, but this lander has no assist "
            "engines to land on: it could never strike."
        )
    counts = {
        "main_engine": len(lander.engines.main.place_m),
        "assist_engine": len(lander.engines.assist.place_m),
        "attitude_thruster": len(lander.engines.attitude.place_m),
        "tank": len(lander.tanks.place_m),
        "leg": len(lander.legs.foot_m),
        "footpad_switch": len(lander.legs.foot_m),
        "doppler_beams": len(beams.direction) if beams else 0,
    }
    count = counts.get(target)
    if count is None or not fault.kind.elements:
        return
    what = {"footpad_switch": "footpad switches", "doppler_beams": "Doppler beams"}.get(target, f"{target}s".replace("_", " "))
    if count == 0 or (fault.part and int(fault.part) > count):
        raise UserError(f"{where}: fault {fault.name}: this lander has {count or 'no'} {what}.")


def check_figures(mission: Mission, where: str) -> None:
    """No two figures contradict each other, and cycles, truth steps and valve steps fit into one another."""
    rules = (schedule_rules, figure_rules, lander_rules, sensor_rules, orbit_rules, flight_rules)
    for is_wrong, sentence in [rule for rules_of in rules for rule in rules_of(mission)]:
        if is_wrong:
            raise UserError(f"{where}: {sentence}.")


def fastest_swing(mission: Mission) -> float:
    """rad/s of liquid under full thrust in the smallest tank, against a lander that gives way: ω² = T/m_dry · 1.84/r + hold²
    (thrust over mass grows as the share of the liquid shrinks: their product stays)."""
    lander = mission.lander
    thrust = sum(len(e.place_m) * e.thrust_n for e in (lander.engines.main, lander.engines.assist))
    radius, hold = min(lander.tanks.radius_m), max(np.atleast_1d(lander.tanks.slosh_hold_rad_per_s))
    return float(np.sqrt(thrust / lander.dry_mass_kg * 1.8412 / radius + hold**2))


def schedule_rules(mission: Mission) -> tuple[tuple[bool, str], ...]:
    """What is wrong with the steps of time, each with its sentence."""
    flight, valve_step_s = mission.flight, mission.lander.engines.attitude.valve_step_s
    minimum_s = mission.lander.engines.assist.minimum_on_time_s
    a_second, steps = 1.0 / flight.period_s, flight.period_s / valve_step_s
    truth_step = flight.period_s / flight.truth_substeps
    swings = fastest_swing(mission)
    edges = max(valve_step_s, truth_step) / min(valve_step_s, truth_step)
    return (
        (
            abs(a_second - round(a_second)) > 1e-9 * a_second,
            f"flight.period_s = {flight.period_s:g} is not one second over a whole number: take 0.1, 0.04 or 0.02 s",
        ),
        (
            minimum_s > flight.period_s + 1e-9,
            f"lander.engines.assist.minimum_on_time_s = {minimum_s:g} is longer than flight.period_s = {flight.period_s:g}: "
            "the assist engines would never fire; shorten the pulse or lengthen the period",
        ),
        (
            abs(steps - round(steps)) > 1e-9 or abs(edges - round(edges)) > 1e-6,
            f"lander.engines.attitude.valve_step_s = {valve_step_s:g} must divide flight.period_s = {flight.period_s:g}, and "
            f"truth steps of {truth_step:g} s be whole valve steps or parts of one",
        ),
        (
            truth_step * swings > 1.0,
            f"flight.truth_substeps = {flight.truth_substeps} gives truth steps of {truth_step:g} s, too long for liquid that "
            f"swings at up to {swings:.1f} rad/s: take at least {math.ceil(flight.period_s * swings)}",
        ),
    )


def figure_rules(mission: Mission) -> tuple[tuple[bool, str], ...]:
    """What figures contradict each other, each with its sentence."""
    lander, flight = mission.lander, mission.flight
    weight = (lander.dry_mass_kg + lander.propellant_mass_kg) * SURFACE_GRAVITY
    thrust = sum(len(e.place_m) * e.thrust_n for e in (lander.engines.main, lander.engines.assist))
    finder = lander.sensors.range_finder
    guidance = flight.guidance
    leg = guidance.gate_height_m + guidance.constant_rate_mps * guidance.constant_rate_time_s
    return (
        (
            lander.propellant_mass_kg > 4.0 * lander.dry_mass_kg,
            f"lander.propellant_mass_kg = {lander.propellant_mass_kg:g} is more than four times lander.dry_mass_kg = "
            f"{lander.dry_mass_kg:g}: the tanks would outweigh the lander; give kg of propellant on board at ignition",
        ),
        (
            thrust < weight,
            f"main and assist engines give {thrust:.0f} N, less than the lander's lunar weight of {weight:.0f} N: "
            "raise lander.engines.*.thrust_n or lower the masses",
        ),
        (
            finder.valid_count > finder.valid_window,
            f"lander.sensors.range_finder.valid_count = {finder.valid_count} exceeds valid_window = "
            f"{finder.valid_window}: m of n needs m ≤ n",
        ),
        (
            flight.navigation.range_agree_count > flight.navigation.range_agree_window,
            f"flight.navigation.range_agree_count = {flight.navigation.range_agree_count} exceeds "
            f"range_agree_window = {flight.navigation.range_agree_window}: m of n needs m ≤ n",
        ),
        (
            leg >= mission.start.perilune_height_above_site_m,
            f"the constant-rate leg starts at {leg:.0f} m, not below start.perilune_height_above_site_m = "
            f"{mission.start.perilune_height_above_site_m:g}: shorten flight.guidance.constant_rate_time_s",
        ),
        (
            mission.start.perilune_downrange_m + 1.8e3 * mission.start.lead_time_s > FARTHEST_M,
            f"start.perilune_downrange_m = {mission.start.perilune_downrange_m:g} with its lead time begins more than "
            f"{FARTHEST_M / 1e3:g} km before the site, a third of a turn: descents begin within 1,000 km",
        ),
        (
            mission.requirements.crash_speed_mps < mission.requirements.vertical_speed_mps,
            "requirements.crash_speed_mps is below requirements.vertical_speed_mps: a landing within requirements "
            "would count as a crash",
        ),
        (
            mission.start.apolune_height_above_sphere_m <= mission.start.perilune_height_above_site_m,
            "start.apolune_height_above_sphere_m must be above start.perilune_height_above_site_m",
        ),
    )


def lander_rules(mission: Mission) -> tuple[tuple[bool, str], ...]:
    """What of a lander does not fit together, each with its sentence."""
    lander = mission.lander
    hull, tanks, assist = lander.hull, lander.tanks, lander.engines.assist
    count = len(assist.place_m)
    missing = axes_without_torque(lander)
    centre = centre_at_start(lander)
    inside = surrounds(np.asarray(lander.legs.foot_m)[:, :2], centre[:2])
    wide = [k for k, (place, r) in enumerate(zip(tanks.place_m, tanks.radius_m, strict=True))
            if max(abs(place[0]), abs(place[1])) + r > hull.half_width_m + 1e-9]  # fmt: skip
    high = [k for k, (place, h) in enumerate(zip(tanks.place_m, tanks.height_m, strict=True))
            if place[2] + 0.5 * h > hull.top_m + 1e-9 or place[2] - 0.5 * h < hull.bottom_m - 1e-9]  # fmt: skip
    holds = [d * np.pi * r * r * h for d, r, h in zip(tanks.density_kgpm3, tanks.radius_m, tanks.height_m, strict=True)]
    full = [k for k, (most, share) in enumerate(zip(holds, tanks.load_share, strict=True))
            if share * lander.propellant_mass_kg > most]  # fmt: skip
    return (
        (hull.top_m <= hull.bottom_m, f"lander.hull.top_m = {hull.top_m:g} is not above bottom_m = {hull.bottom_m:g}"),
        (
            bool(wide or high),
            f"tank {([*wide, *high] or [0])[0] + 1} of lander.tanks reaches out of lander.hull: tanks stand inside the body; "
            "make the tank smaller, move it, or make the hull larger",
        ),
        (
            bool(full),
            f"tank {(full or [0])[0] + 1} of lander.tanks holds {holds[(full or [0])[0]]:.0f} kg, less than its load_share of "
            f"lander.propellant_mass_kg = {lander.propellant_mass_kg:g}: make the tank larger or its share smaller",
        ),
        (
            count % 2 == 1 or not pairs_balance(lander),
            f"the {count} assist engines do not stand in opposite pairs: the k-th and the (k + n/2)-th must make no torque "
            "together about the axis of thrust through the centre of mass; order lander.engines.assist.place_m so",
        ),
        (
            bool(missing),
            f"lander.engines.attitude gives no torque about {', '.join(missing)}: thrusters in a line or all to one side turn "
            "the lander about some axes only; add thrusters or move them",
        ),
        (
            not inside,
            f"the legs do not surround the centre of mass, which stands over x = {centre[0]:.2f}, y = {centre[1]:.2f} m: it "
            "would fall over where it lands; move lander.legs.foot_m",
        ),
    )


def orbit_rules(mission: Mission) -> tuple[tuple[bool, str], ...]:
    """What is wrong with a parking orbit, each with its sentence."""
    orbit, start = mission.orbit, mission.start
    if orbit is None:
        return ()
    low, high = orbit.perilune_height_above_sphere_m, orbit.apolune_height_above_sphere_m
    return (
        (low > high, f"orbit.perilune_height_above_sphere_m = {low:g} is above orbit.apolune_height_above_sphere_m = {high:g}"),
        (
            not low - 1.0 <= start.apolune_height_above_sphere_m <= high + 1.0,
            f"start.apolune_height_above_sphere_m = {start.apolune_height_above_sphere_m:g} is not between the parking orbit's "
            f"apsides of {low:g} and {high:g} m: the descent orbit must begin on it",
        ),
    )


def check_paths(mission: Mission, where: str) -> None:
    """Dispersions name numbers that exist, with figures that fit them; sources name keys that exist."""
    check_dispersions(mission, where)
    known = [f"{root}.{key}" for root, key in keys(mission)]
    known += [f"faults.{fault.name}" for fault in mission.faults]
    known += [f"dispersions.{path}" for row in mission.dispersions for path in row.moves]
    known += [f"correlated.{path}" for group in mission.correlated for path in group.paths]
    for path in mission.sources:
        if (
            path not in known
            and not known_by_the_schema(path.split("."))
            and not any(k.startswith(f"{path}.") for k in known)
            and not path.startswith(("faults.", "dispersions", "correlated"))
        ):
            raise UserError(f"{where}: [sources] names “{path}”, which the file does not have.{nearest(path, known)}")


def keys(mission: Mission):
    """Every value's (root table, dotted rest)."""

    def walk(node, prefix):
        for key, value in node.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}"

    table = mission.model_dump(exclude={"sources", "faults", "dispersions", "correlated"}, exclude_none=True)
    for root, node in table.items():
        if isinstance(node, dict):
            for key in walk(node, ""):
                yield root, key
