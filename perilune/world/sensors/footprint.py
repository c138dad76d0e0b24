"""The beam of a range finder as wide as it is: five rays, and the echoes that their returns make.

The rays (the middle of the beam and a ring of four) stand for the whole beam as a quadrature does. With a weight w₀ in the middle
and a ring at ρ of the half angle, the second and fourth radial moments of the beam are met by

    top hat of that half angle: ρ = √(2/3), w₀ = 1/4      Gaussian, half angle at 1/e²: ρ = 1, w₀ = 1/2.

Returns nearer together than the gate (half the pulse's length, c τ/2, or the detector's gate) blend into one echo at the mean of
their ranges weighted by energy (a mixed return); a gap of a gate or more parts echoes, and each has to pass the threshold on its
own (Wagner et al. 2006, ISPRS J. Photogrammetry and Remote Sensing 60, 100–112; Gardner 1992, IEEE Trans. Geoscience 30). On a
plane the mean over a top hat of half angle a at incidence i is R (1 + a²/4 (1 − 2 tan² i)), since nearer parts of the spot answer
louder.

Left out: the echo's shape (a discriminator on its rising edge reads up to half a gate short of the mean), speckle, a third echo
between the first and the last, and what lies between rays: a slope whose rays lie a gate apart parts into echoes that a real,
continuous spot would not show (from 0.41 × width × tan i > gate on: at 45° a spot of 5 m for a gate of 2 m).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from perilune.foundation.quantities import Direction, Flag, Position, Scalar
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.vectors import cross, dot, unit

from ..environment.ray import FAR, cast
from ..environment.terrain import Terrain

RAYS = 5


class Beam(NamedTuple):
    """Shape of a beam: where the ring of rays lies (share of the half angle), and the middle ray's weight."""

    ring: float
    centre_weight: float


TOP_HAT = Beam((2.0 / 3.0) ** 0.5, 0.25)
GAUSSIAN = Beam(1.0, 0.5)


class Echo(eqx.Module):
    """One echo."""

    distance: Scalar  # m, mean of its returns weighted by energy; FAR for none
    energy: Scalar  # in the unit of the returns' energies; 0 for none


class Footprint(eqx.Module):
    """The beam's shape and how its echoes are told apart."""

    divergence: Scalar  # rad, full angle
    ring: Scalar  # share of the half angle
    centre_weight: Scalar
    gate: Scalar  # m
    threshold: Scalar  # signal over noise
    wants_last: Scalar  # 0: the first echo that is detected counts; 1: the last

    def rays(self, boresight_M: Direction) -> Float[Array, "5 3"]:
        """Unit directions, the middle one first; the ring's azimuths are arbitrary but fixed to the boresight."""
        side_M, other_M = across(boresight_M)
        half = self.ring * 0.5 * self.divergence
        c, s = jnp.cos(half), jnp.sin(half)
        ring = [c * boresight_M + s * way for way in (side_M, other_M, -side_M, -other_M)]
        return jnp.stack([boresight_M, *ring])

    def weights(self) -> Float[Array, "5"]:
        """Share of the beam's energy that each ray stands for."""
        around = 0.25 * (1.0 - self.centre_weight)
        return jnp.stack([self.centre_weight, around, around, around, around])

    def look(
        self, ground: Terrain, position_M: Position, boresight_M: Direction, is_wide: Flag
    ) -> tuple[Float[Array, "5"], Float[Array, "5"]]:
        """Distance (m) and incidence cosine of each ray, by rays on the true ground; the slope is that over half the spot. A beam
        that is not wide has its middle ray alone, the first, with the slope over the whole spot. `is_wide` is the same for all
        lanes, so that the others are not cast."""
        rays, share = self.rays(boresight_M), jnp.where(is_wide, 0.5, 1.0)

        def meet(k, found):
            ray_M = rays[k]
            distance = cast(ground, position_M, ray_M)
            normal_M = ground.normal_at(position_M + distance * ray_M, share * distance * self.divergence)
            both = distance, jnp.maximum(-dot(normal_M, ray_M), 0.0)
            return tuple(old.at[k].set(new) for old, new in zip(found, both, strict=True))

        nothing = jnp.full(RAYS, FAR), jnp.zeros(RAYS)
        return lax.fori_loop(0, jnp.where(is_wide, RAYS, 1), meet, nothing)

    def measure(self, distances: Float[Array, "5"], strengths: Float[Array, "5"], noise: Noise) -> tuple[Echo, Flag]:
        """The echo that counts and whether it is detected, from each ray's signal-to-noise ratio if it were the whole beam
        (`RangeFinder.strength` at its distance and incidence). Its own range noise is the range finder's."""
        first, last = echoes(distances, self.weights() * strengths, self.gate)
        is_one = last.distance - first.distance < 0.5 * self.gate  # means of two echoes lie a gate apart or more
        luck = rows(noise, "footprint")
        has_first = first.energy + luck[0] > self.threshold
        has_last = jnp.where(is_one, has_first, last.energy + luck[1] > self.threshold)
        takes_last = has_last & (~has_first | (self.wants_last > 0.5))
        is_detected = (has_first | has_last) & (first.distance < FAR)
        return jax.tree.map(lambda a, b: jnp.where(takes_last, b, a), first, last), is_detected


def across(boresight_M: Direction) -> tuple[Direction, Direction]:
    """Two unit vectors across a direction and each other, from the axis that it is farthest from."""
    size = jnp.abs(boresight_M)
    is_x = (size[0] <= size[1]) & (size[0] <= size[2])
    is_y = ~is_x & (size[1] <= size[2])
    axis_M = jnp.stack([jnp.where(is_x, 1.0, 0.0), jnp.where(is_y, 1.0, 0.0), jnp.where(is_x | is_y, 0.0, 1.0)])
    side_M = unit(cross(boresight_M, axis_M))
    return side_M, cross(boresight_M, side_M)


def echoes(distances: Float[Array, " rays"], energies: Float[Array, " rays"], gate: Scalar) -> tuple[Echo, Echo]:
    """The first and the last echo of returns; the same one where all lie in one chain of gaps below the gate.

    Without sorting: a chain that begins at the nearest return reaches a gate beyond it, then a gate beyond the farthest
    return in reach, and so on; as many rounds as rays are enough.
    """
    is_return = (distances < FAR) & (energies > 0.0)
    near, far = jnp.where(is_return, distances, FAR), jnp.where(is_return, distances, -FAR)
    end, begin = jnp.min(near), jnp.max(far)
    for _ in range(distances.shape[0] - 1):
        end = jnp.max(jnp.where((near - end < gate) | (near <= end), far, -FAR))
        begin = jnp.min(jnp.where((begin - far < gate) | (far >= begin), near, FAR))
    return blended(distances, energies, is_return & (near <= end)), blended(distances, energies, is_return & (far >= begin))


def blended(distances: Float[Array, " rays"], energies: Float[Array, " rays"], is_in) -> Echo:
    """The echo of some of the returns."""
    energy = jnp.sum(jnp.where(is_in, energies, 0.0))
    mean = jnp.sum(jnp.where(is_in, energies * distances, 0.0)) / jnp.maximum(energy, 1e-300)
    return Echo(jnp.where(energy > 0.0, mean, FAR), energy)
