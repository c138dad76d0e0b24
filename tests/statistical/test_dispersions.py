"""Are numbers drawn as the mission file says, and is every mistake in saying it told in a sentence?"""

import re
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from perilune.campaign.sample import correlated_offsets, disperse, draw_count, moved, parts
from perilune.command_line.show import rows
from perilune.foundation.errors import UserError
from perilune.foundation.randomness import dispersion_key, run_key
from perilune.simulation.correlation import factor
from perilune.simulation.dispersion_tables import CorrelatedGroup, DispersionRow
from perilune.simulation.load import load
from perilune.simulation.mission import built_in
from perilune.simulation.numbers import numbers_as_given, numbers_of

DRAWS = 20_000
LEAST = 1e-3  # p-value at a fixed seed: one right sampler in a thousand would fail, a sigma 8 % off gives 1e-6 or less
TILT, PUSH, BIAS = "site.slope_east_deg", "lander.engines.main.thrust_n", "lander.sensors.imu.accelerometer_bias_ug"
MASS, SCALE = "lander.dry_mass_kg", "lander.sensors.imu.accelerometer_scale_ppm"
ASSIST = "lander.engines.assist.thrust_n"
OFFSETS = (-3.0, -1.0, -0.5, 0.2, 4.0)


def drawn(row: DispersionRow, nominal: float, seed: int = 5) -> np.ndarray:
    """20,000 draws of a number."""
    normals = jax.random.normal(dispersion_key(run_key(seed, 0)), (DRAWS,), jnp.float64)
    return np.asarray(jax.jit(lambda z: moved(row, jnp.full((DRAWS,), nominal), z))(normals))


CONTINUOUS = {
    "normal": ({"sigma": 2.0}, stats.norm(10.0, 2.0)),
    "normal in per cent": ({"sigma_percent": 5.0}, stats.norm(10.0, 0.5)),
    "uniform": ({"half_width": 3.0}, stats.uniform(7.0, 6.0)),
    "truncated_normal": ({"sigma": 2.0, "limit_sigma": 1.5}, stats.truncnorm(-1.5, 1.5, 10.0, 2.0)),
    "truncated_normal, narrow": ({"sigma": 2.0, "limit_sigma": 1e-3}, stats.truncnorm(-1e-3, 1e-3, 10.0, 2.0)),
    "truncated_normal in per cent": ({"sigma_percent": 5.0, "limit_sigma": 3.0}, stats.truncnorm(-3.0, 3.0, 10.0, 0.5)),
    "log_normal": ({"sigma_log": 0.4}, stats.lognorm(0.4, scale=10.0)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_are_distributed_as_scipy_has_it(name):
    """Kolmogorov and Smirnov's distance, mean, sigma and median of 20,000 draws against SciPy's own distribution."""
    figures, wanted = CONTINUOUS[name]
    words = name.split(",")[0].split(" ")[0]
    found = drawn(DispersionRow.model_validate({"path": "x", "distribution": words, **figures}), 10.0)
    assert stats.kstest(found, wanted.cdf).pvalue > LEAST
    sigma = wanted.std()
    assert abs(found.mean() - wanted.mean()) < 4.0 * sigma / np.sqrt(DRAWS)  # four standard errors of a mean
    error = np.sqrt((wanted.stats("k") + 2.0) / (4.0 * DRAWS))  # relative standard error of a sigma, by the excess kurtosis
    assert abs(found.std() / sigma - 1.0) < 4.0 * error
    low, high = wanted.support()
    slack = 1e-12 * 10.0  # rounding of nominal plus offset
    assert found.min() >= low - slack
    assert found.max() <= high + slack


def test_a_cut_tail_keeps_its_digits():
    """Against SciPy far out on both sides, and a cut beyond all draws is none."""
    z = jnp.asarray([-9.0, -6.0, -1.0, 0.0, 0.5, 6.0, 9.0])
    row = DispersionRow(path="x", distribution="truncated_normal", sigma=1.0, limit_sigma=5.0)
    found = np.asarray(moved(row, jnp.zeros(7), z))
    low = stats.truncnorm.ppf(stats.norm.cdf(-np.abs(z)), -5.0, 5.0)
    np.testing.assert_allclose(found, np.where(z > 0.0, -low, low), rtol=1e-9, atol=1e-12)  # two inverses of the normal agree so
    far = DispersionRow(path="x", distribution="truncated_normal", sigma=1.0, limit_sigma=40.0)
    np.testing.assert_allclose(moved(far, jnp.zeros(7), z), z, rtol=1e-12)  # rounding of the distribution and its inverse


def test_discrete_values_come_as_often_as_they_should():
    """Chi-square of the counts, values to the bit, none of those without probability; one probability of 1 is that value."""
    values, chances = (0.1, 7.0, -2.0, 5.0), (0.2, 0.0, 0.5, 0.3)
    found = drawn(DispersionRow(path="x", distribution="discrete", values=values, probabilities=chances), 10.0)
    counts = [int(np.sum(found == value)) for value in values]
    assert sum(counts) == DRAWS and counts[1] == 0
    wanted = [DRAWS * chance for chance in chances if chance]
    assert stats.chisquare([count for count in counts if count], wanted).pvalue > LEAST
    sure = drawn(DispersionRow(path="x", distribution="discrete", values=(0.3,), probabilities=(1.0,)), 10.0)
    assert np.all(sure == 0.3)


def test_empirical_offsets_are_resampled_between_the_given_ones():
    """Against the piecewise-linear distribution of the offsets, and NumPy's quantiles of them."""
    row = DispersionRow(path="x", distribution="empirical", values=OFFSETS[::-1])
    found = drawn(row, 10.0) - 10.0
    assert stats.kstest(found, lambda x: np.interp(x, np.sort(OFFSETS), np.linspace(0.0, 1.0, len(OFFSETS)))).pvalue > LEAST
    z = np.linspace(-3.0, 3.0, 25)
    wanted = np.quantile(OFFSETS, stats.norm.cdf(z))
    np.testing.assert_allclose(moved(row, jnp.zeros(25), jnp.asarray(z)), wanted, rtol=1e-10, atol=1e-12)  # the same formula


NOTHING = (
    {"distribution": "normal", "sigma": 0.0},
    {"distribution": "normal", "sigma_percent": 0.0},
    {"distribution": "uniform", "half_width": 0.0},
    {"distribution": "truncated_normal", "sigma": 0.0, "limit_sigma": 2.0},
    {"distribution": "truncated_normal", "sigma_percent": 0.0, "limit_sigma": 2.0},
    {"distribution": "log_normal", "sigma_log": 0.0},
    {"distribution": "empirical", "values": [0.0, 0.0]},
)


@pytest.mark.parametrize("figures", NOTHING, ids=lambda figures: "-".join([figures["distribution"], *list(figures)[1:2]]))
def test_zero_moves_by_exactly_nothing(figures):
    nominal = 1.0 / 3.0
    assert np.all(drawn(DispersionRow.model_validate({"path": "x", **figures}), nominal) == nominal)


def many(mission, count: int = DRAWS):
    """Numbers of many runs by one small program."""
    numbers, key = numbers_of(mission), jax.random.key(11)
    keys = jax.random.split(key, count)
    return numbers, jax.jit(jax.vmap(lambda numbers, key: disperse(mission, numbers, key), (None, 0)))(numbers, keys)


COVARIANCE = [[4.0, 1.0, -0.2], [1.0, 1.0, 0.3], [-0.2, 0.3, 0.25]]


def with_groups(*groups, rows=()):
    """Resilience with these dispersions alone."""
    return load("resilience", {"dispersions": list(rows), "correlated": list(groups)})


def test_a_covariance_is_recovered_across_numbers():
    """Each entry within 5 standard errors, √((σᵢ²σⱼ² + σᵢⱼ²)/n), of the file's: from a list and from two plain numbers."""
    second = {"paths": [TILT, PUSH], "correlation": [[1.0, 0.9], [0.9, 1.0]], "sigma": [0.5, 3.0]}
    numbers, flown = many(with_groups({"paths": [BIAS], "covariance": COVARIANCE}, second))
    paths = (BIAS, TILT, PUSH)
    apart = np.column_stack([np.asarray(flown[path]) - numbers[path] for path in paths])
    wanted = np.zeros((5, 5))
    wanted[:3, :3] = COVARIANCE
    wanted[3:, 3:] = [[0.25, 1.35], [1.35, 9.0]]
    variance = np.diag(wanted)
    error = np.sqrt((variance[:, None] * variance + wanted**2) / DRAWS)
    assert np.max(np.abs(np.cov(apart.T) - wanted) / error) < 5.0
    for column, sigma in zip(apart.T, np.sqrt(variance), strict=True):
        assert stats.kstest(column, stats.norm(0.0, sigma).cdf).pvalue > LEAST


@pytest.mark.parametrize(
    "matrix",
    [
        COVARIANCE,
        [[1.0, 1.0], [1.0, 1.0]],
        [[1e8, 1e-1], [1e-1, 1e-10]],
        [[4.0, 0.0, 2.0], [0.0, 0.0, 0.0], [2.0, 0.0, 1.0]],
        [[0.0, 0.0], [0.0, 0.0]],
    ],
    ids=["full", "one direction", "units far apart, one direction", "a number without variance", "nothing"],
)
def test_the_factor_is_a_root_of_the_covariance(matrix):
    root, wanted = factor(CorrelatedGroup.model_validate({"paths": ["x"], "covariance": matrix})), np.asarray(matrix)
    sigma = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose(root @ root.T, wanted, atol=1e-14 * np.outer(sigma, sigma).max())  # rounding of a product
    assert np.all(root[sigma == 0.0] == 0.0)


def test_a_number_without_variance_stays_to_the_bit():
    group = CorrelatedGroup(paths=("x",), correlation=((1.0, 0.5), (0.5, 1.0)), sigma=(2.0, 0.0))
    offsets = np.asarray(correlated_offsets(group, jnp.asarray([0.3, -1.2])))
    assert offsets[1] == 0.0 and offsets[0] == 2.0 * 0.3


def test_a_common_cause_moves_all_by_one_draw():
    """The same relative error of all engines, the same draws for the parts of two lists, in one place of the draw each."""
    relative = {"paths": [PUSH, ASSIST], "distribution": "normal", "sigma_percent": 1.0}
    lists = {"paths": [BIAS, SCALE], "distribution": "uniform", "half_width": [5.0, 6.0, 7.0]}
    mission = with_groups(rows=[relative, lists])
    assert draw_count(mission) == 4 and [count for _, _, count in parts(mission)] == [1, 3]
    numbers, flown = many(mission, 64)
    first, second = (np.asarray(flown[path]) / numbers[path] - 1.0 for path in (PUSH, ASSIST))
    np.testing.assert_allclose(first, second, rtol=0.0, atol=4e-16)  # two roundings of a number near 1
    assert np.ptp(first) > 0.02
    bias, scale = (np.asarray(flown[path]) - numbers[path] for path in (BIAS, SCALE))
    assert np.array_equal(bias, scale)  # the nominals are zero: nothing is rounded
    assert np.ptp(bias, axis=1).min() > 0.0


def by_hand(mission, numbers, key):
    """Dispersions of the missions that ship, as they were first written: normal alone, in the order of the file."""
    total = sum(numbers_as_given(mission)[row.path].size for row in mission.dispersions)
    normals, flown, first = jax.random.normal(dispersion_key(key), (total,), jnp.float64), dict(numbers), 0
    for row in mission.dispersions:
        nominal, count = flown[row.path], numbers_as_given(mission)[row.path].size
        own = nominal[:count] if jnp.ndim(nominal) == 1 else nominal
        z = normals[first : first + count].reshape(jnp.shape(own))
        step = jnp.asarray(row.sigma) * z if row.sigma_percent is None else 0.01 * row.sigma_percent * own * z
        flown[row.path] = jnp.concatenate([own + step, nominal[count:]]) if jnp.ndim(nominal) == 1 else own + step
        first += count
    return flown


@pytest.mark.parametrize("name", built_in())
def test_missions_that_ship_draw_what_they_drew(name):
    """To the bit; and a correlated group in the file moves none of it, for it draws last."""
    mission = load(name)
    numbers, key = numbers_of(mission), run_key(3, 1)
    wanted = jax.jit(lambda numbers, key: by_hand(mission, numbers, key))(numbers, key)
    group = CorrelatedGroup(paths=(MASS,), covariance=((4.0,),))
    for flying in (mission, mission.model_copy(update={"correlated": (group,)})):
        found = jax.jit(lambda numbers, key, flying=flying: disperse(flying, numbers, key))(numbers, key)
        moved = [path for path in wanted if not np.array_equal(wanted[path], found[path])]
        assert moved == ([MASS] if flying.correlated else [])


def test_normals_of_a_design_take_the_place_of_the_draw(resilience):
    """Zeros leave the lander as drawn, the run's own normals give the run, traced; another count is refused."""
    numbers, key, count = numbers_of(resilience), run_key(2, 0), draw_count(resilience)
    flown = jax.jit(lambda numbers, key, normals: disperse(resilience, numbers, key, normals))
    drawn_here = jax.random.normal(dispersion_key(key), (count,), jnp.float64)
    zeros = flown(numbers, key, jnp.zeros(count))
    assert all(np.array_equal(zeros[path], numbers[path]) for path in numbers)
    own, wanted = flown(numbers, key, drawn_here), jax.jit(lambda n, k: disperse(resilience, n, k))(numbers, key)
    assert all(np.array_equal(own[path], wanted[path]) for path in numbers)
    with pytest.raises(UserError, match=f"take {count} normals a run"):
        disperse(resilience, numbers, key, jnp.zeros(count + 1))


def row(path: str | list = TILT, distribution: str = "normal", **figures):
    """A row of [[dispersions]]."""
    return {"path" if isinstance(path, str) else "paths": path, "distribution": distribution, **figures}


def group(paths=(TILT, MASS), **figures):
    """A table of [[correlated]]."""
    return {"paths": list(paths), **figures}


HALF = [[1.0, 0.5], [0.5, 1.0]]
BAD = {
    "no distribution of that name": ([row(distribution="normale", sigma=1.0)], [], "'normal', 'uniform'"),
    "unknown path": ([row("lander.dry_mas_kg", sigma=1.0)], [], "Did you mean “lander.dry_mass_kg”"),
    "unknown path of a common cause": ([row([MASS, "lander.dry_mas_kg"], sigma=1.0)], [], "Did you mean “lander.dry_mass_kg”"),
    "unknown path of a group": ([], [group(["lander.dry_mas_kg"], covariance=[[1.0]])], "Did you mean “lander.dry_mass_kg”"),
    "flight software's": ([], [group(["flight.guidance.hold_rate_mps"], covariance=[[1.0]])], "flies as drawn"),
    "no path": ([{"distribution": "normal", "sigma": 1.0}], [], "exactly one of path and paths"),
    "path and paths": ([{**row(sigma=1.0), "paths": [MASS]}], [], "exactly one of path and paths"),
    "two shapes": ([row([MASS, BIAS], sigma=1.0)], [], f"{MASS} has one figure and {BIAS} has 3 parts"),
    "foreign field": ([row(distribution="uniform", half_width=1.0, sigma=1.0)], [], "leave out sigma"),
    "field of another": ([row(sigma=1.0, limit_sigma=2.0)], [], "leave out limit_sigma"),
    "missing field": ([row(distribution="truncated_normal", sigma=1.0)], [], "add limit_sigma"),
    "no sigma": ([row()], [], "add sigma or sigma_percent"),
    "two sigmas": ([row(sigma=1.0, sigma_percent=1.0)], [], "are both given"),
    "no probabilities": ([row(distribution="discrete", values=[1.0])], [], "add probabilities"),
    "a probability too few": ([row(distribution="discrete", values=[1.0, 2.0], probabilities=[1.0])], [], "2 values for 1 "),
    "probabilities": ([row(distribution="discrete", values=[1.0, 2.0], probabilities=[0.4, 0.5])], [], "sum to 0.9"),
    "negative probability": (
        [row(distribution="discrete", values=[1.0, 2.0], probabilities=[-0.5, 1.5])], [], "greater than or equal to 0",
    ),
    "one offset": ([row(distribution="empirical", values=[1.0])], [], "at least 2"),
    "a limit of zero": ([row(distribution="truncated_normal", sigma=1.0, limit_sigma=0.0)], [], "greater than 0"),
    "a factor on zero": ([row(distribution="log_normal", sigma_log=0.1)], [], "take normal instead"),
    "negative sigma": ([row(sigma=-1.0)], [], "greater than or equal to 0"),
    "probability that is no number": (
        [row(distribution="discrete", values=[1.0, 2.0], probabilities=[float("nan"), 1.0])], [], "probabilities.0 = nan",
    ),
    "sigma that is no number": ([row(sigma=float("nan"))], [], "dispersions.0.sigma = nan: should be a finite number."),
    "offset that is no number": ([row(distribution="empirical", values=[1.0, float("nan")])], [], "values.1 = nan"),
    "covariance that is no number": ([], [group(covariance=[[1.0, float("nan")], [0.0, 1.0]])], "covariance.0.1 = nan"),
    "figures for parts": ([row(BIAS, sigma=[1.0, 2.0])], [], "2 figures for 3 parts"),
    "figures for a plain number": ([row(MASS, sigma=[1.0])], [], "write it without brackets"),
    "dispersed twice": ([row(sigma=1.0), row([MASS, TILT], sigma=1.0)], [], f"{TILT} is dispersed more than once"),
    "dispersed and correlated": ([row(sigma=1.0)], [group(covariance=HALF)], f"{TILT} is dispersed more than once"),
    "twice in a group": ([], [group([MASS, MASS], covariance=HALF)], f"{MASS} is dispersed more than once"),
    "not positive": ([], [group(covariance=[[1.0, 2.0], [2.0, 1.0]])], "its eigenvalues are -1, 3"),
    "negative variance": ([], [group(covariance=[[1.0, 0.0], [0.0, -2.0]])], "its eigenvalues are -2, 1"),
    "nothing that goes with something": ([], [group(covariance=[[1.0, 0.5], [0.5, 0.0]])], "not positive semi-definite"),
    "correlation not positive": (
        [],
        [group([BIAS], correlation=[[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], sigma=[1.0, 1.0, 0.0])],
        "its eigenvalues are -0.8, 1.9, 1.9",
    ),
    "small units, not positive": ([], [group(covariance=[[1e8, 2e-1], [2e-1, 1e-10]])], "its eigenvalues are -3e-10, 1e+08"),
    "wrong size": ([], [group([BIAS], covariance=HALF)], "2 rows of 2 figures for 3 numbers; give 3 rows of 3"),
    "ragged": ([], [group(covariance=[[1.0, 0.0], [0.0]])], "2 rows of 1 or 2 figures for 2 numbers"),
    "sigmas of the wrong count": ([], [group(correlation=HALF, sigma=[1.0])], "sigma has 1 figure for 2 numbers"),
    "not symmetric": ([], [group(covariance=[[1.0, 0.5], [0.4, 1.0]])], "row 1, column 2 is 0.5, the other way round 0.4"),
    "diagonal": ([], [group(correlation=[[1.0, 0.5], [0.5, 0.9]], sigma=[1.0, 1.0])], "diagonal of correlation must be 1"),
    "correlation over 1": ([], [group(correlation=[[1.0, 1.5], [1.5, 1.0]], sigma=[1.0, 1.0])], "less than or equal to 1"),
    "covariance and sigma": ([], [group(covariance=HALF, sigma=[1.0, 1.0])], "the file gives covariance, sigma"),
    "correlation without sigma": ([], [group(correlation=HALF)], "the file gives correlation"),
    "no matrix": ([], [group()], "none of them"),
    "no numbers": ([], [group([], covariance=[])], "at least 1 item"),
    "unknown key": ([], [{**group(covariance=HALF), "covarianze": HALF}], "Did you mean “covariance”"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_a_sentence(name):
    dispersions, correlated, words = BAD[name]
    with pytest.raises(UserError) as caught:
        load("resilience", {"dispersions": dispersions, "correlated": correlated})
    text = str(caught.value)
    assert words in text, text
    assert "\n" not in text and text.startswith("resilience: "), text


TEXT = """
[[dispersions]]
paths = ["lander.propellant_mass_kg", "lander.dry_mass_kg"]
distribution = "truncated_normal"
sigma_percent = 0.1
limit_sigma = 3.0

[[correlated]]
paths = ["soil.friction"]
covariance = [[1.0]]

[[dispersions]]
"""


def test_a_mission_file_reads_and_shows_them(tmp_path):
    """From TOML to the table that people read."""
    from importlib import resources

    text = resources.files("perilune.missions").joinpath("resilience.toml").read_text(encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text(text.replace("\n[[dispersions]]\n", TEXT, 1), encoding="utf-8")
    shown = {row.path: (row.value, row.unit) for row in rows(load(str(path)))}
    assert shown["dispersions.lander.dry_mass_kg"] == (0.1, "% (truncated_normal, one draw for 2)")
    assert shown["dispersions.lander.dry_mass_kg.limit_sigma"] == (3.0, "sigma")
    assert shown["correlated.soil.friction"] == ((1.0,), "(normal, correlated among 1)")
    assert shown["correlated.soil.friction.covariance"] == (((1.0,),), "")
    assert draw_count(load(str(path))) == draw_count(load("resilience")) + 2


def test_the_example_of_the_page_loads_and_draws():
    """docs/models.md: five numbers more, engines by one relative error, and a group."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    example = re.findall(r"```toml\n(.*?)```", page[page.index("## Dispersions") :], re.DOTALL)[0]
    mission = load("resilience", tomllib.loads(example))
    numbers = numbers_of(mission)
    flown = jax.jit(lambda numbers, key: disperse(mission, numbers, key))(numbers, run_key(0, 0))
    moved = {path for path in numbers if not np.array_equal(numbers[path], flown[path])}
    assert moved == {"site.reflectance_1064nm", MASS, "lander.propellant_mass_kg", PUSH, ASSIST}
