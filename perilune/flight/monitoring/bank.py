"""Three accounts of why a range does not fit, weighed against each other: the estimate's height, the map, the sensor is wrong."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Flag, Scalar

STATE, MAP, SENSOR = range(3)
SENSOR_SPAN = 6.0  # a broken unit's readings lie anywhere within ± 3 sigmas of what the other two accounts allow at first
LEAST_WEIGHT = 1e-4  # none is ever ruled out, so that each can come back (Maybeck 1982, vol. 2, §10.8)


class Bank(eqx.Module):
    """What the accounts have made of the readings since the first that was refused."""

    weights: Float[Array, "3"]  # probabilities of state, map and sensor
    mean: Float[Array, "2"]  # m, by which the estimate's height, or the map's ground, is off
    variance: Float[Array, "2"]  # m²
    last_range: Scalar  # m, of the latest valid reading


class Reading(eqx.Module):
    """A slow step's reading as the bank takes it."""

    cosine: Scalar  # of incidence, as predicted
    slant_range: Scalar  # m
    height_residual: Scalar  # m, measured − predicted over the ground: residual times cosine of incidence
    noise_variance: Scalar  # m², of the unit alone, in height
    relief_variance: Scalar  # m², of ground too small for the map
    height_variance: Scalar  # m², of the estimate
    climb_variance: Scalar  # m²/s², likewise
    over_ground: Scalar  # correlation lengths of the map's error since the last step
    is_valid: Flag


def at_rest(sigma: Scalar) -> Bank:
    """The bank before anything was refused; `sigma`: m, by which estimate or map may be off."""
    return Bank(jnp.ones(3) / 3.0, jnp.zeros(2), jnp.ones(2) * sigma**2, jnp.zeros_like(sigma))


def density(residual, variance):
    """Of a normal distribution."""
    return jnp.exp(-0.5 * residual**2 / variance) / jnp.sqrt(2.0 * jnp.pi * variance)


def weighed(bank: Bank, reading: Reading, is_in_doubt: Flag, sigma: Scalar, elapsed: Scalar) -> Bank:
    """The bank after one slow step; at rest again as soon as nothing is in doubt.

    Multiple-model estimation (Magill 1965; Maybeck 1982, vol. 2, §10.8) on the range's residual d in height, with the filter as
    it stands while it refuses:

        state    d = e + noise, e a height error that stays, but for what the climb rate's error adds
        map      d = b + noise, b first-order Gauss-Markov along the ground with the length of the map's error
        sensor   d anywhere, or the same range as before whatever the lander did, each half of the time

    with e, b ~ N(0, sigma²) at first. An account's weight grows with the density of the reading under it. State and map look
    alike until the beam has gone some of that length; a unit with a constant bias looks like either.
    """
    keep = jnp.stack([jnp.ones_like(elapsed), jnp.exp(-reading.over_ground)])
    grown = jnp.stack([reading.climb_variance * elapsed**2, sigma**2 * (1.0 - keep[1] ** 2)])
    mean, variance = keep * bank.mean, keep**2 * bank.variance + grown
    off = reading.height_residual - mean
    expected = variance + reading.noise_variance + reading.relief_variance
    repeated = density(reading.slant_range - bank.last_range, 2.0 * reading.noise_variance)
    likelihood = jnp.concatenate([density(off, expected), (0.5 / (SENSOR_SPAN * sigma) + 0.5 * repeated)[None]])
    weights = jnp.maximum(bank.weights * likelihood, LEAST_WEIGHT * jnp.max(bank.weights * likelihood))
    gain = variance / expected
    taken = Bank(weights / jnp.sum(weights), mean + gain * off, variance * (1.0 - gain), reading.slant_range)
    passed = Bank(bank.weights, mean, variance, bank.last_range)
    running = jax.tree.map(lambda a, b: jnp.where(reading.is_valid, a, b), taken, passed)
    rest = eqx.tree_at(lambda b: b.last_range, at_rest(sigma), running.last_range)
    return jax.tree.map(lambda a, b: jnp.where(is_in_doubt, a, b), running, rest)
