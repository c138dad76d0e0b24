"""Shared by all tests: shape checks at run time, strict dtypes and ranks, one cache, flights that are flown once."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Every array shape in a signature of the package is checked while the tests run.
install_import_hook("perilune", "beartype.beartype")

import jax  # noqa: E402

import perilune.foundation  # noqa: E402, F401

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

SHARED = Path(__file__).parent.parent.parent / "shared"
REPORTED: list[str] = []
HEALTHY_SEEDS = range(32)  # the regression seeds of the issue "healthy"


@pytest.fixture(scope="session", autouse=True)
def compilation_cache():
    """Programs compiled by one test serve the next run."""
    from perilune.foundation.compilation import use_cache

    use_cache()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data, or a skip with the reason."""
    if not SHARED.is_dir():
        pytest.skip("reference data (../shared) is absent")
    return SHARED


@pytest.fixture(scope="session")
def resilience():
    """The built-in mission as data."""
    from perilune.simulation.load import load

    return load("resilience")


@pytest.fixture(scope="session")
def batch(resilience):
    """The built-in mission made ready to fly."""
    from perilune.campaign.batch import Batch

    return Batch(resilience)


@pytest.fixture(scope="session")
def sixty_four(batch):
    """64 lanes in one flight: seeds 0–31 healthy, and again with the fault. Rows of figures, and the batch flown."""
    import numpy as np

    from perilune.campaign.summary import rows
    from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

    seeds = [*HEALTHY_SEEDS, *HEALTHY_SEEDS]
    weak = next(f.magnitude for f in batch.mission.faults if f.kind == "range_finder.weak_return_db")
    faults = {"range_finder.weak_return_db": np.repeat([0.0, weak], 32)}
    flown = batch.fly(seeds, recorder(BATCH_CHANNELS, True), 10, faults)
    return rows(flown, seeds, batch.mission.requirements, 10, 0.1), flown


@pytest.fixture(scope="session")
def short(batch):
    """5 s of four lanes under thrust, by one small program: given seeds, faults and a change to the start, the last snapshot.

    Without lead time the engines light at the first update: slow sensors, filter, guidance, allocation and valves all work.
    """
    import jax

    from perilune.simulation.lane_flight import take_off
    from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

    def fly(seeds, faults=None, change=lambda last: last, record=recorder(BATCH_CHANNELS, True)):
        scenarios, last, _ = batch.start(seeds, faults, {"start.lead_time_s": 0.0})
        lanes = take_off(scenarios, change(last), record)
        lanes.advance(50, 10)
        return jax.device_get(lanes.last())

    return fly


ORBIT_LANES = 64
ORBIT_CHANGES = (  # what orbit tests change lane by lane; always all of them, so that one program serves
    "site.latitude_deg", "site.longitude_deg", "site.height_m", "start.approach_azimuth_deg",
    "start.perilune_height_above_site_m", "start.apolune_height_above_sphere_m", "orbit.perilune_height_above_sphere_m",
    "orbit.apolune_height_above_sphere_m", "lander.engines.main.thrust_n", "orbit.burn_time_limit_s",
    "start.perilune_downrange_m", "start.lead_time_s", "start.flight_time_s", "lander.dry_mass_kg",
    "lander.propellant_mass_kg", "lander.engines.main.specific_impulse_s",
)  # fmt: skip


@pytest.fixture(scope="session")
def from_orbit(resilience):
    """The built-in mission, begun in its parking orbit."""
    from perilune.campaign.batch import Batch

    return Batch(resilience, "orbit")


@pytest.fixture(scope="session")
def orbit_lanes(from_orbit):
    """Fly 64 orbit phases by one program: seeds, faults and changed numbers in; what lanes arrive with and their rows out."""
    import jax
    import numpy as np

    def fly(seeds, faults=None, changes=None):
        changed = {path: from_orbit.numbers[path] for path in ORBIT_CHANGES} | (changes or {})
        lanes = {path: np.broadcast_to(np.asarray(value, float), (ORBIT_LANES,)) for path, value in changed.items()}
        assert len(seeds) == ORBIT_LANES and set(changed) == set(ORBIT_CHANGES)
        return jax.device_get(from_orbit.prepare(*from_orbit.arguments(seeds, faults, lanes))[3])

    return fly


@pytest.fixture(scope="session")
def flight():
    """One faulted flight with full history, through the public entry point."""
    import perilune

    return perilune.fly("resilience", seed=1)


def pytest_collection_modifyitems(items):
    """The count of large programs comes last, when all of them have been compiled."""
    items.sort(key=lambda item: item.name == "test_at_most_six_large_programs")


def pytest_terminal_summary(terminalreporter):
    """What tests report without promising it."""
    for line in REPORTED:
        terminalreporter.write_line(line)


os.environ.setdefault("MPLBACKEND", "Agg")
