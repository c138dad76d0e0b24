"""Craters and rocks by the counts, sizes, ages and places that their laws state (chi-square), and roughness by its own law."""

import math

import numpy as np
import pytest
from scipy.special import j0, jn_zeros
from scipy.stats import chisquare, kstest

from perilune.foundation.moon import RADIUS
from perilune.world.environment import craters, rocks, roughness
from perilune.world.environment.roughness import CENTRE, VARIANCE

CENTRE_M = np.array([0.3, -0.5, math.sqrt(1.0 - 0.34)])
ENOUGH = 1e-3  # a right law fails one such test in a thousand; seeds are fixed


def test_crater_counts_follow_the_law():
    """Diameters in seven bins from 32 to 724 m, over a circle of 8 km, against the stated counts."""
    radius, old = 8e3, 4.8e-3
    found = craters.craters_about(CENTRE_M, radius, (32.0, 1024.0), old, 3)
    inside = np.linalg.norm(found.centre_M - CENTRE_M, axis=1) * RADIUS < radius
    edges = np.geomspace(32.0, 724.0, 8)
    counted = np.histogram(found.diameter[inside], edges)[0]
    wanted = -np.diff(craters.count_over(edges, old)) * math.pi * radius**2
    assert np.all(wanted > 5.0)
    value = np.sum((counted - wanted) ** 2 / wanted)  # Poisson in every bin: no degree of freedom is lost
    assert value < 24.3  # chi-square, 7 degrees, 0.1 %


def test_crater_ages_and_places_are_even():
    found = craters.craters_about(CENTRE_M, 3e3, (16.0, 256.0), 4.8e-3, 4)
    assert kstest(found.age, "uniform").pvalue > ENOUGH
    inside = np.linalg.norm(found.centre_M - CENTRE_M, axis=1) * RADIUS < 3e3
    east = np.cross([0.0, 0.0, 1.0], CENTRE_M)
    east /= np.linalg.norm(east)
    x, y = found.centre_M[inside] @ east * RADIUS, found.centre_M[inside] @ np.cross(CENTRE_M, east) * RADIUS
    sector = np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi) * 12).astype(int) % 12
    assert chisquare(np.bincount(sector, minlength=12)).pvalue > ENOUGH
    assert kstest((x**2 + y**2) / 9e6, "uniform").pvalue > ENOUGH


def test_craters_are_the_same_whoever_looks():
    """A wide and a narrow look, and another range of diameters, find the same craters where they overlap."""
    wide = craters.craters_about(CENTRE_M, 4e3, (16.0, 512.0), 4.8e-3, 8)
    narrow = craters.craters_about(CENTRE_M, 1e3, (50.0, 200.0), 4.8e-3, 8)
    known = {(round(c[0] * 1e12), round(d * 1e6)) for c, d in zip(wide.centre_M, wide.diameter, strict=True)}
    assert len(narrow.diameter) > 20
    assert all((round(c[0] * 1e12), round(d * 1e6)) in known for c, d in zip(narrow.centre_M, narrow.diameter, strict=True))


@pytest.mark.parametrize("centre", [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]], ids=["north", "south", "date line"])
def test_no_pole_and_no_date_line(centre):
    """As many craters as the law wants around a pole and across 180°."""
    centre = np.array(centre)
    found = craters.craters_about(centre, 5e3, (32.0, 256.0), 4.8e-3, 2)
    inside = int(np.sum(np.linalg.norm(found.centre_M - centre, axis=1) * RADIUS < 5e3))
    wanted = -np.diff(craters.count_over(np.array([32.0, 256.0]), 4.8e-3))[0] * math.pi * 25e6
    assert abs(inside - wanted) < 4.0 * math.sqrt(wanted)


def test_a_crater_wears_as_diffusion_wears_it():
    """A fresh crater has Pike's depth and rim; volume is kept but for what leaves at the edge; at the end it is as faint as said.

    Independent: a Bessel mode J₀(kρ) under diffusion falls as e^(−k²τ), and the mode's share of the table does."""
    middle, table, last = craters.worn_profiles()
    assert table[0].max() - table[0][0] == pytest.approx(craters.DEPTH, abs=0.004)
    assert table[-1].max() - table[-1][0] == pytest.approx(craters.FAINTEST, rel=0.02)
    taus = np.linspace(0.0, 1.0, craters.AGES) ** 2 * last
    for zero in jn_zeros(0, 3):
        mode = j0(zero * middle / craters.REACH) * middle
        share = table @ mode
        np.testing.assert_allclose(share / share[0], np.exp(-((zero / craters.REACH) ** 2) * taus), atol=0.02)


def test_rock_counts_follow_the_law():
    found = rocks.rocks_about(CENTRE_M, 400.0, (0.25, 8.0), 3e-4, 2.482, 5)
    edges = np.array([0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 2.0, 8.0])
    counted = np.histogram(found.diameter, edges)[0]
    wanted = -np.diff(rocks.rocks_over(edges, 3e-4, 2.482)) * math.pi * 400.0**2
    assert np.sum((counted - wanted) ** 2 / wanted) < 24.3  # chi-square, 7 degrees, 0.1 %


def test_chance_of_no_rock_is_counted():
    """Circles laid on drawn ground: the share that no high rock reaches into."""
    field = rocks.rocks_about(CENTRE_M, 300.0, (0.6, 20.0), 3e-3, 2.482, 6)
    east = np.cross([0.0, 0.0, 1.0], CENTRE_M)
    east /= np.linalg.norm(east)
    x, y = RADIUS * field.place_M @ east, RADIUS * field.place_M @ np.cross(CENTRE_M, east)
    rng = np.random.default_rng(1)
    spots = rng.uniform(-150, 150, (4000, 2))
    gap = np.hypot(spots[:, :1] - x[None, :], spots[:, 1:] - y[None, :]) - 0.5 * field.diameter[None, :]
    counted = float(np.mean(np.all(gap > 1.5, axis=1)))
    assert counted == pytest.approx(rocks.chance_of_none(0.3, 1.5, 3e-3, 2.482), abs=0.015)  # two sigmas of overlapping circles


def test_noise_has_the_stated_variance_and_centre():
    """On a patch of the sphere many lattice spacings wide."""
    ticks = np.arange(512) / 8.0
    x, y = np.meshgrid(ticks, ticks)
    lattice = 1000.0
    axis = np.array([0.36, 0.48, 0.8])
    east = np.cross([0.0, 0.0, 1.0], axis)
    east /= np.linalg.norm(east)
    way = axis + (x[..., None] * east + y[..., None] * np.cross(axis, east)) * lattice / RADIUS
    way = (way / np.linalg.norm(way, axis=-1, keepdims=True)).reshape(-1, 3)
    noise = np.stack([roughness.roughness(way, np.ones(1), lattice, seed).reshape(512, 512) for seed in range(8)])
    assert np.mean(noise**2) == pytest.approx(1.0, rel=0.04)
    power = np.mean(np.abs(np.fft.fft2(noise * np.hanning(512)[None, :, None])) ** 2, axis=0)
    k = 2 * np.pi * np.hypot(*np.meshgrid(np.fft.fftfreq(512, 1 / 8), np.fft.fftfreq(512, 1 / 8)))
    power[0, 0], k[0, 0] = 0.0, 1.0
    assert np.exp(np.sum(power * np.log(k)) / np.sum(power)) == pytest.approx(CENTRE, rel=0.03)
    assert 0.07 < VARIANCE < 0.076


def test_roughness_grows_with_its_exponent():
    """Octaves with the law's variances: the rms difference of heights is that of the law's power between the outermost octaves,
    4π ∫ P (1 − J₀(kL)) k dk."""
    hurst, lattice, octaves = 0.76, 512.0, 9
    constant = roughness.law_constant(10.0, 500.0, hurst)
    middle = CENTRE / (lattice * 0.5 ** np.arange(octaves))
    sigma = roughness.amplitudes(roughness.band_variance(constant, hurst, middle), hurst)
    ticks = 2.0 * np.arange(768)
    x, y = np.meshgrid(ticks, ticks)
    way = np.array([1.0, 0.0, 0.0]) + np.stack([np.zeros_like(x), x + 3e4, y + 7e4], axis=-1) / RADIUS
    way = (way / np.linalg.norm(way, axis=-1, keepdims=True)).reshape(-1, 3)
    heights = [roughness.roughness(way, sigma, lattice, seed).reshape(768, 768) for seed in range(4)]
    lags = np.array([8.0, 16.0, 32.0, 64.0, 128.0])
    found = [math.sqrt(np.mean([(z[:, int(lag / 2) :] - z[:, : -int(lag / 2)]) ** 2 for z in heights])) for lag in lags]
    k = np.geomspace(middle[0] / math.sqrt(2.0), middle[-1] * math.sqrt(2.0), 4000)
    power = constant * k ** (-2.0 * hurst - 2.0)
    law = [math.sqrt(4.0 * math.pi * np.trapezoid(power * (1.0 - j0(k * lag)) * k, k)) for lag in lags]
    assert np.all(np.abs(np.asarray(found) / law - 1.0) < 0.1)  # octaves of noise are not quite bands
    whole = 10.0 * (lags[0] / 500.0) ** hurst  # with the octaves above, which belong to the map
    assert law[0] < whole < 1.3 * law[0]
