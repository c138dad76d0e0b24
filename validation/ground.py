"""The ground below the maps, rays on it, and what it does to a landing, against the laws that it is made from."""

import math
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from perilune.foundation.moon import RADIUS
from perilune.simulation.build_terrain import SMALLEST_POSTS
from perilune.simulation.load import load
from perilune.simulation.mission import built_in
from perilune.simulation.scenario import true_ground
from perilune.world.environment import craters, rocks
from perilune.world.environment.ray import FAR, cast
from perilune.world.environment.terrain import Terrain, first_posts

from .flights import column, fly_seeds
from .healthy import probability
from .report import Claim, Section, spread
from .world import SHARED

RAYS, FLIGHTS = 10_000, 256
GRAZING = 1_000  # rays between 80° and 89.9° that are marched along at a quarter of the grid's spacing
CALIBRATED_DB = 21.53
POSTS_M = 16.0  # of the grid on which relief below the map is measured


def places_in(ground: Terrain, grid: int, across, along) -> np.ndarray:
    """(n, 3) points in M on the sphere at places (m) from the middle of a grid."""
    rows, columns = ground.shapes[grid]
    spacing = float(ground.spacing[grid])
    middle = np.asarray(ground.corner[grid]) + 0.5 * spacing * np.array([rows - 1, columns - 1])
    axes = np.asarray(ground.axes_M)
    way = axes[0] + ((middle[1] + along)[:, None] * axes[1] + (middle[0] + across)[:, None] * axes[2]) / RADIUS
    return RADIUS * way / np.linalg.norm(way, axis=1, keepdims=True)


def rays(ground: Terrain, count: int, rng: np.random.Generator):
    """Start and direction of rays: any angle off nadir to 89.9°, from a hand over the ground to 20 km; over the whole track, over
    the site, and off the rims of the site's craters."""
    starts, ways = [], []
    for kind in range(count):
        grid = (5, 3, 1, 0)[kind % 4]
        half = 0.45 * (ground.shapes[grid][0] - 1) * float(ground.spacing[grid])
        place = places_in(ground, grid, rng.uniform(-half, half, 1), rng.uniform(-half, half, 1))[0]
        up = place / RADIUS
        side = np.cross(up, rng.normal(size=3))
        side /= np.linalg.norm(side)
        off = np.radians(rng.uniform(0, 60) if kind % 3 else rng.uniform(80, 89.9))
        height = 10.0 ** (rng.uniform(0.0, 1.5) if grid == 0 and kind % 3 == 0 else rng.uniform(1.0, 4.3))
        starts.append((RADIUS + height) * up)
        ways.append(np.sin(off) * side - np.cos(off) * up)
    starts = np.asarray(starts)
    over = np.asarray(jax.jit(jax.vmap(ground.height_at))(jnp.asarray(starts)))
    return jnp.asarray(starts * (1.0 + over / np.linalg.norm(starts, axis=1))[:, None]), jnp.asarray(np.asarray(ways))


def against_a_march(ground: Terrain, starts, ways):
    """Of each ray: the cast's distance, the height over the ground where it ends, and the least height that a march of 3,000
    steps, half of them in the last 200 m, finds before that (or within 300 km)."""
    found = jax.jit(jax.vmap(lambda p, d: cast(ground, p, d)))(starts, ways)

    def march(start, way, end):
        whole, near = jnp.linspace(0.0, 1.0, 1500) * end, end - jnp.linspace(0.0, 1.0, 1500) ** 2 * jnp.minimum(end, 200.0)
        points = start[None, :] + jnp.concatenate([whole, near])[:, None] * way[None, :]
        return jnp.linalg.norm(points, axis=1) - RADIUS - jax.vmap(ground.height_at)(points)

    def both(ray):
        heights = march(*ray)
        return heights[1499], jnp.min(heights)

    ends = jnp.where(found < FAR, found, 3e5)
    last, least = jax.jit(lambda *all_of: lax.map(both, all_of, batch_size=100))(starts, ways, ends)
    return np.asarray(found), np.asarray(last), np.asarray(least)


def fine_march(ground: Terrain, starts, ways, found):
    """The least height over the ground (m) of each ray before the cast's end, looked for at every quarter of the spacing of
    the finest grid under it (25 cm at the site, 256 m far up the track), wherever it is below the highest ground."""
    ends = jnp.where(found < FAR, found, 3e5)

    def march(start, way, end):
        def step(state):
            t, least = state
            point = start + t * way
            across, along, cosine = ground.plane(point)
            over = jnp.linalg.norm(point) - RADIUS
            level = jnp.sqrt(jnp.maximum(1.0 - (jnp.sum(point * way) / jnp.linalg.norm(point)) ** 2, 1e-4))
            stride = 0.25 * ground.spacing[ground.grid_at(across, along)] * cosine**2 / level
            clear = jnp.maximum(over - ground.highest, 0.0)  # no ground within that distance
            return t + jnp.maximum(stride, clear), jnp.minimum(least, over - ground.height_at(point))

        return lax.while_loop(lambda state: state[0] < end, step, (jnp.zeros(()), jnp.asarray(jnp.inf)))[1]

    return np.asarray(jax.jit(lambda *rays: lax.map(lambda ray: march(*ray), rays))(starts, ways, ends))


def grid_of(ground: Terrain, k: int) -> np.ndarray:
    """The posts of one grid."""
    rows, columns = ground.shapes[k]
    first = first_posts(ground.shapes)[k]
    return np.asarray(ground.heights)[first : first + rows * columns].reshape(rows, columns).astype(np.float64)


def relief_rows(ground: Terrain) -> list[list[str]]:
    """Of each grid about the site: rms height difference one and four posts apart, and the slope's median and 95 %."""
    found = []
    for k in range(len(ground.shapes) - 1):
        heights, spacing = grid_of(ground, k), float(ground.spacing[k])
        apart = [math.sqrt(np.mean((heights[:, lag:] - heights[:, :-lag]) ** 2)) for lag in (1, 4)]
        slope = np.degrees(np.arctan(np.hypot(*np.gradient(heights, spacing))))
        found.append([f"{spacing:g}", f"{1e-3 * spacing * (heights.shape[0] - 1):.1f}", f"{apart[0]:.3g}", f"{apart[1]:.3g}",
                      f"{np.median(slope):.1f}", f"{np.percentile(slope, 95):.1f}"])  # fmt: skip
    return found


def below_map(mission: str) -> tuple[float, float]:
    """Of what lies below a mission's map, on the grid of 16 m posts: standard deviation (m), and the way (m) over which its
    correlation falls to 1/e."""
    whole, bare = (grid_of(true_ground(load(mission, change)), 2) for change in ({}, {"detail": None}))
    relief = (whole - bare).astype(float)
    relief -= relief.mean()
    lag, left = 0, relief.var()
    while left >= relief.var() / np.e and lag < relief.shape[0] // 2:
        lag += 1
        left = 0.5 * (np.mean(relief[lag:] * relief[:-lag]) + np.mean(relief[:, lag:] * relief[:, :-lag]))
    return float(relief.std()), lag * POSTS_M


def chi_square(counted: np.ndarray, wanted: np.ndarray) -> tuple[str, bool]:
    """χ² of counts against the law's means, with its degrees of freedom and chance."""
    from scipy.stats import chi2

    value = float(np.sum((counted - wanted) ** 2 / wanted))
    chance = float(chi2.sf(value, len(wanted)))
    return f"χ² = {value:.1f}, {len(wanted)} degrees, p = {chance:.3f}", chance > 1e-3


def count_claims(ground: Terrain) -> list[Claim]:
    """Craters and rocks of the built-in site, counted."""
    detail, centre = load("resilience").detail, np.asarray(ground.axes_M[0])
    assert detail is not None
    old, seed = detail.craters_over_1km_per_km2, detail.seed
    radius, edges = 8e3, np.geomspace(32.0, 724.0, 8)
    near = craters.craters_about(centre, radius, (32.0, 724.0), old, seed)
    inside = np.linalg.norm(near.centre_M - centre, axis=1) * RADIUS < radius
    wanted = -np.diff(craters.count_over(edges, old)) * math.pi * radius**2
    made, holds = chi_square(np.histogram(near.diameter[inside], edges)[0], wanted)
    law = (detail.rocks_over_1m_per_m2, detail.rock_exponent)
    sizes = np.array([0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 2.0, 8.0])
    stones = rocks.rocks_about(centre, 400.0, (0.25, 8.0), *law, seed)
    lying, lies = chi_square(
        np.histogram(stones.diameter, sizes)[0], -np.diff(rocks.rocks_over(sizes, *law)) * math.pi * 400.0**2
    )
    return [
        Claim(
            "craters of 32 to 724 m within 8 km of the site, in seven bins", made, "p > 0.001", "Trask 1966; Neukum 2001", holds
        ),
        Claim("rocks of 0.25 to 8 m within 400 m of it, in seven bins", lying, "p > 0.001", "VIPER-MSE-SPEC-001", lies),
    ]


def query_times(ground: Terrain) -> tuple[float, float]:
    """ns a height query, compiled, 100,000 places a call: over the finest grid, and over as many posts far up the track."""
    looked_up = jax.jit(jax.vmap(ground.height_at))
    rng, found = np.random.default_rng(2), []
    for grid, place in ((0, 0.0), (5, -0.25)):  # a quarter of the track's length up the track, where only its grid reaches
        half = [0.2 * (count - 1) * float(ground.spacing[grid]) for count in ground.shapes[grid]]
        along = 5.0 * half[1] * place + rng.uniform(-half[1], half[1], 100_000)
        places = jnp.asarray(places_in(ground, grid, rng.uniform(-half[0], half[0], 100_000), along))
        looked_up(places).block_until_ready()
        times = []
        for _ in range(7):
            began = time.perf_counter()
            looked_up(places).block_until_ready()
            times.append(time.perf_counter() - began)
        found.append(1e4 * min(times))
    return found[0], found[1]


def flight_rows() -> list[list[str]]:
    """What the ground's parts do to landings and to the weak range finder's first valid range."""
    albedo = str(SHARED / "photometry" / "SP_albedo_group_05x05.dat")
    cases: list[tuple[str, tuple]] = [
        ("as built in", ()),
        ("the map's ground alone", (("detail", None),)),
        ("no dust", (("site.dust_onset_m_per_rootn", 0.0),)),
        ("dust three times as thick", (("site.dust_optical_depth", 3.0),)),
    ]
    if SHARED.is_dir():
        cases.append(("albedo by Kaguya's groups", (("site.reflectance_map", albedo),)))
    found = []
    for name, values in cases:
        healthy = fly_seeds("resilience", range(FLIGHTS), values=values)
        weak = fly_seeds("resilience", range(FLIGHTS), {"range_finder.weak_return_db": CALIBRATED_DB}, values=values)
        found.append([name, probability(healthy)[0], spread(column(weak, "range_finder_acquired_foot_height_m"))])
    return found


def study() -> Section:
    """All of it."""
    ground = true_ground(load("resilience"))
    starts, ways = rays(ground, RAYS, np.random.default_rng(31))
    found, last, least = against_a_march(ground, starts, ways)
    hits = found < FAR
    near, far = query_times(ground)
    grazing = np.flatnonzero(np.arange(RAYS) % 3 == 0)[:GRAZING]
    finely = float(np.min(fine_march(ground, starts[grazing], ways[grazing], jnp.asarray(found[grazing]))))
    off, before = float(np.max(np.abs(last[hits]))), float(np.min(least))
    return Section(
        "The ground",
        words=[
            f"Rays: a quarter each over the whole track, 8 km, 2 km and 1 km about the site, a third of them between 80° "
            f"and 89.9° off nadir (a march's steps are up to 200 m there, and 0.1 m near the "
            f"end), from 1 m to 20 km over the ground; {np.mean(hits):.1%} meet it. Each grid "
            f"holds craters down to {SMALLEST_POSTS:g} of its posts; away from the site the ground is as rough as its grid "
            "can carry. Rosenburg et al. (2011) give maria a median slope of 2.0° over 17 m (from memory, M); nothing here was "
            "fitted to it.",
        ],
        claims=[
            Claim("cast's end over the ground, worst of 10⁴ rays, m", f"{off:.1e}", "≤ 0.01", "the ground there", off <= 0.01),
            Claim("ground that a march finds over the ray before, worst, m", f"{max(-before, 0.0):.1e}", "≤ 0.01", "3,000 steps",
                  before >= -0.01),
            Claim(f"the same of {GRAZING:,} rays at 80° to 89.9°, every quarter of the posts' spacing, m",
                  f"{max(-finely, 0.0):.1e}", "≤ 0.01", "0.25 m at the site", finely >= -0.01),
            *(Claim(f"ground less its map's over 8 km, {name}: standard deviation, correlation down to 1/e, m",
                    "{:.1f}, {:.0f}".format(*below_map(name)), "printed", "what navigation carries") for name in built_in()),
            *count_claims(ground),
            Claim("height query at the site and far up the track, ns", f"{near:.0f} and {far:.0f}", "the same",
                  "10⁵ places over 2/5 of a grid", max(near, far) < 1.5 * min(near, far)),
        ],
        tables=[
            (["posts, m", "side, km", "rms height difference one post apart, m", "four posts, m", "slope, median, °", "95 %, °"],
             relief_rows(ground)),
            ([f"{FLIGHTS} landings each", "healthy: within requirements and 1 km", f"first valid range, {CALIBRATED_DB} dB, m"],
             flight_rows()),
        ],
    )  # fmt: skip
