"""What a schema cannot say of a lander's sensors: schedules that do not fit, and sensors that look through the body."""

import math

import numpy as np

from .lander_tables import Hull
from .mission import Mission
from .sensor_tables import LEAST_DETERMINANT, InstrumentTable

NEAR = 1e-6  # m: a sensor stands on the body's skin, not in it


def looks_through(hull: Hull, place, direction) -> bool:
    """Whether a ray from a place (m from the datum) along a direction, both in B, runs through the body, by the slabs of a box
    (Kay and Kajiya 1986). What stands on the skin and looks away from it, or along it, does not."""
    low = np.array([-hull.half_width_m, -hull.half_width_m, hull.bottom_m]) + NEAR
    high = np.array([hull.half_width_m, hull.half_width_m, hull.top_m]) - NEAR
    place, direction = np.asarray(place, float), np.asarray(direction, float)
    first, last = 0.0, math.inf
    for k in range(3):
        if abs(direction[k]) < 1e-12:
            if not low[k] < place[k] < high[k]:
                return False
            continue
        near, far = sorted(((low[k] - place[k]) / direction[k], (high[k] - place[k]) / direction[k]))
        first, last = max(first, near), min(last, far)
    return bool(last > first)


def views(mission: Mission):
    """Name, place and directions (B) of every sensor that looks out; without a place it is the middle of the body's bottom."""
    sensors, bottom = mission.lander.sensors, (0.0, 0.0, mission.lander.hull.bottom_m)
    cant = math.radians(sensors.range_finder.boresight_cant_deg)
    yield "range_finder", sensors.range_finder.place_m or bottom, [(-math.sin(cant), 0.0, -math.cos(cant))]
    if sensors.doppler_beams is not None:
        yield "doppler_beams", sensors.doppler_beams.place_m or bottom, sensors.doppler_beams.direction
    for name in ("terrain_camera", "optical_flow", "hazard_lidar"):
        if (table := getattr(sensors, name)) is not None:
            yield name, table.place_m or bottom, [table.boresight]


def sensor_rules(mission: Mission) -> list[tuple[bool, str]]:
    """What is wrong with sensors, each with its sentence."""
    hull, flight, sensors = mission.lander.hull, mission.flight, mission.lander.sensors
    step = flight.slow_every * flight.period_s
    found = []
    for name, place, directions in views(mission):
        where = ", ".join(f"{x:g}" for x in place)
        found.append(
            (
                any(looks_through(hull, place, direction) for direction in directions),
                f"lander.sensors.{name} looks through the body: from [{where}] its view crosses lander.hull; turn it, or give "
                "place_m on the side that it looks out of",
            )
        )
    for name in type(sensors).model_fields:
        table = getattr(sensors, name)
        if isinstance(table, InstrumentTable):
            steps = table.interval_s / step
            found.append(
                (
                    abs(steps - round(steps)) > 1e-9 or round(steps) < 1,
                    f"lander.sensors.{name}.interval_s = {table.interval_s:g} is not a whole number of slow steps of {step:g} s "
                    "(flight.period_s times flight.slow_every)",
                )
            )
            limit = mission.start.time_limit_s
            found.append(
                (
                    table.interval_s > limit,
                    f"lander.sensors.{name}.interval_s = {table.interval_s:g} is longer than the flight "
                    f"(start.time_limit_s = {limit:g}): it would never read",
                )
            )
    if (beams := sensors.doppler_beams) is not None:
        way = np.asarray(beams.direction)
        found.append(
            (
                float(np.linalg.det(way.T @ way)) < LEAST_DETERMINANT,
                "lander.sensors.doppler_beams.direction: the beams lie in one plane, or nearly, and give no velocity; turn one",
            )
        )
    if (flow := sensors.optical_flow) is not None:
        leaning = abs(sum(a * b for a, b in zip(flow.boresight, flow.across, strict=True)))
        found.append((leaning > 0.01, "lander.sensors.optical_flow.across is not at right angles to its boresight"))
    for name in ("terrain_camera", "optical_flow"):
        if (camera := getattr(sensors, name)) is not None:
            low, high = camera.least_height_m, camera.most_height_m
            found.append((low >= high, f"lander.sensors.{name} sees from {low:g} to {high:g} m: never"))
            dark, bright = camera.least_sun_deg, camera.most_sun_deg
            found.append((dark >= bright, f"lander.sensors.{name} sees with the Sun from {dark:g} to {bright:g}°: never"))
    return found
