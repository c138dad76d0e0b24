"""The page on adding a sensor runs as it is printed, and its sensor does what it says."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()


@pytest.fixture(scope="module")
def shown():
    """What the page's code leaves behind, run from top to bottom in one name space."""
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/extending.md", "exec"), names)  # the page is ours
    return names


def test_the_example_reads_the_nearest_ground(shown):
    """On a slope of 0.2 the nearest ground in a beam of 0.35 rad lies uphill: a point 0.365 × 800 m out and 58 m up."""
    out = np.tan(0.35) * 800.0
    nearest = np.hypot(out, 800.0 - 0.2 * out)
    assert nearest < 800.0
    spread = 0.01 * nearest
    readings = np.asarray(shown["readings"])
    assert np.mean(readings) == pytest.approx(nearest, abs=4 * spread / np.sqrt(300))  # 4 sigma of a mean
    assert np.std(readings) == pytest.approx(spread, rel=4 / np.sqrt(600))  # 4 sigma of a deviation
    assert np.all(shown["is_valid"])


def test_the_example_leaves_the_packages_noise_alone(shown):
    """Its key is none of a cycle's draw, the dispersions' or the hazard lidar's, and differs from tick to tick."""
    import jax

    from perilune.foundation.randomness import HAZARD_LIDAR, dispersion_key, orbit_key, run_key, sensor_key

    key, number = run_key(1, 0), shown["MY_ALTIMETER"]
    keys = [sensor_key(key, number, tick) for tick in range(20)] + [sensor_key(key, HAZARD_LIDAR, tick) for tick in range(20)]
    keys += [jax.random.fold_in(key, tick) for tick in range(20)] + [orbit_key(key, draw) for draw in range(20)]
    keys += [dispersion_key(key)]
    assert len({tuple(np.asarray(jax.random.key_data(k))) for k in keys}) == 81


def test_the_table_has_every_sensor():
    """One row for each file of the room."""
    listed = set(re.findall(r"^\| `(\w+\.py)`", PAGE, re.MULTILINE))
    assert listed == {path.name for path in (ROOT / "perilune" / "world" / "sensors").glob("*.py")} - {"__init__.py"}
