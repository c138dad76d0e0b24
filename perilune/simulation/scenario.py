"""A scenario: everything that one flight is a function of."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key

from perilune.flight.guidance.laws import BrakingLaw, DescentLaw, GuidanceLaw
from perilune.foundation.corridor import Corridor
from perilune.foundation.errors import UserError
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.interface.flight_computer import FlightComputer
from perilune.world.environment.terrain import Terrain
from perilune.world.faults import FaultTable
from perilune.world.sensors.instruments import Carried
from perilune.world.world import World

from .albedo import Albedo
from .build_gravity import BEYOND, gravity_tables, reach_behind, sun_over, track_axes
from .build_sensors import carried_of, sights_of
from .build_software import build_software
from .build_terrain import Extent, finest_posts
from .build_world import build_world
from .maps import read_map
from .mission import UNIFORM, Mission
from .numbers import Numbers, numbers_of
from .own_software import AnySoftware, OwnSoftware
from .raster import Raster, opened
from .terrain_cache import build_terrain_once

TRACK_MARGIN_DEG = 0.5
SHARED = 8  # leaves of a scenario that all lanes share


class Scenario(eqx.Module):
    """One landing as data: the run's key, the world with its dispersions and faults, the flight software as drawn."""

    run_key: Key[Array, ""]
    world: World
    flight_software: AnySoftware


class Maps(eqx.Module):
    """The maps of a mission, heights and gravity, as they are and as carried on board, which instruments are carried: shared
    by all lanes, never batched."""

    true: Terrain
    onboard: HeightMap
    gravity: Corridor
    onboard_gravity: Corridor
    carried: Carried
    sights: Bool[Array, "3"]  # of what is carried, what flight software is built for


def ground_track(mission: Mission) -> tuple[float, float, float, float]:
    """South, north, west, east (degrees) of a box around the track from the start of the flight to the site."""
    site, start = mission.site, mission.start
    before = 1.8e3 * start.lead_time_s  # m at most, at orbital speed
    reach = math.degrees((start.perilune_downrange_m + before) / RADIUS)
    latitude, azimuth = math.radians(site.latitude_deg), math.radians(start.approach_azimuth_deg + 180.0)
    south = north = site.latitude_deg
    west = east = site.longitude_deg
    for share in (0.25, 0.5, 0.75, 1.0):
        arc = math.radians(reach * share)
        sine = math.sin(latitude) * math.cos(arc) + math.cos(latitude) * math.sin(arc) * math.cos(azimuth)
        other = math.asin(sine)
        turn = math.atan2(math.sin(azimuth) * math.sin(arc) * math.cos(latitude), math.cos(arc) - math.sin(latitude) * sine)
        point = site.longitude_deg + math.degrees(turn)
        south, north = min(south, math.degrees(other)), max(north, math.degrees(other))
        west, east = min(west, point), max(east, point)
    return south - TRACK_MARGIN_DEG, north + TRACK_MARGIN_DEG, west - TRACK_MARGIN_DEG, east + TRACK_MARGIN_DEG


def rasters_of(mission: Mission) -> list[Raster]:
    """The mission's maps of the true ground, coarse to fine. Raises UserError."""
    names = mission.site.true_map
    return opened((names,) if isinstance(names, str) else names)


def true_ground(mission: Mission) -> Terrain:
    """The ground as it is along the mission's track. Raises UserError."""
    site = mission.site
    try:
        albedo = None if site.reflectance_map == UNIFORM else Albedo(site.reflectance_map)
    except UserError as problem:
        raise UserError(f"{mission.name}: site.reflectance_map: {problem}") from None
    try:
        margin = RADIUS * math.radians(TRACK_MARGIN_DEG)
        extent = Extent(track_axes(mission), (BEYOND - reach_behind(mission) - margin, margin))
        return build_terrain_once(rasters_of(mission), extent, mission.detail, albedo)
    except UserError as problem:
        raise UserError(f"{mission.name}: site.true_map: {problem}") from None


def read_maps(mission: Mission) -> Maps:
    """All maps over the ground track. Raises UserError where one cannot be read, does not cover it, or knows too much."""
    true = true_ground(mission)
    try:
        onboard = read_map(mission.site.onboard_map, *ground_track(mission))
    except UserError as problem:
        raise UserError(f"{mission.name}: site.onboard_map: {problem}") from None
    coarsest = finest_posts(rasters_of(mission)[:1], np.asarray(true.axes_M[0]))
    true_posts, onboard_posts = max(coarsest, float(true.spacing[-1])), RADIUS * float(onboard.spacing)
    if onboard_posts < 1.5 * true_posts:
        raise UserError(
            f"{mission.name}: site.onboard_map has posts {onboard_posts:.0f} m apart and site.true_map {true_posts:.0f} m along "
            "the track: flight software may not know the ground as well as it is; take a coarser onboard map."
        )
    gravity, onboard_gravity = gravity_tables(mission)
    carried = carried_of(mission)
    return Maps(true, onboard, gravity, onboard_gravity, carried, sights_of(carried))


def mission_numbers(mission: Mission, maps: Maps) -> Numbers:
    """The mission's numbers, with the site's height on the onboard map (m above the sphere): what the planners knew, and
    what the planned start counts from."""
    site = mission.site
    place = jnp.asarray(math.radians(site.latitude_deg)), jnp.asarray(math.radians(site.longitude_deg))
    height = jax.jit(HeightMap.height)(maps.onboard, *place)  # one program: operation by operation it takes longer than a flight
    numbers = numbers_of(mission)
    numbers["site.height_m"] = jax.device_get(height)
    elevation_deg, azimuth_deg = sun_over(mission)
    if site.sun_elevation_deg is None:
        numbers["site.sun_elevation_deg"] = np.asarray(elevation_deg)
    numbers["site.sun_azimuth_deg"] = np.asarray(azimuth_deg)
    return numbers


def build(
    key, drawn: dict[str, Any], flown: dict[str, Any], faults: FaultTable, mission: Mission, maps: Maps,
    own: FlightComputer | GuidanceLaw | None = None,
) -> Scenario:  # fmt: skip
    """One scenario from the numbers as drawn (flight software) and as flown (world: dispersed, with what fails in flight).
    `own`: flight software that flies in the place of the built-in, or a guidance law in the place of one of its own."""
    world = build_world(flown, mission, maps.true, maps.gravity, faults, maps.carried)
    law, computer = (own, None) if isinstance(own, BrakingLaw | DescentLaw) else (None, own)
    built_in = build_software(drawn, flown["site.onboard_map_tie_error_m"], mission, maps, law)
    return Scenario(
        run_key=key,
        world=world,
        flight_software=built_in if computer is None else OwnSoftware(computer, built_in),
    )


def lane_axes(scenario: Scenario) -> Scenario:
    """The vmap axes of a batched scenario: every leaf 0, but what lanes share None."""
    return eqx.tree_at(shared, jax.tree.map(lambda _: 0, scenario), (None,) * SHARED)


def shared(scenario: Scenario):
    """The leaves of a scenario that lanes share: the posts of its maps, nodes of its gravity tables, what a lander carries."""
    world, onboard = scenario.world, scenario.flight_software.onboard
    ground = world.ground
    tables = world.gravity_table.nodes, onboard.gravity_table.nodes
    carried = world.carried, scenario.flight_software.design.sights.is_carried
    return ground.heights, ground.roofs, ground.brightness, onboard.ground.heights, *tables, *carried


def shared_of(maps: Maps):
    """The same from what a scenario is built of."""
    ground, tables = maps.true, (maps.gravity.nodes, maps.onboard_gravity.nodes)
    carried = maps.carried, maps.sights
    return ground.heights, ground.roofs, ground.brightness, maps.onboard.heights, *tables, *carried
