"""Laser range finder: a ray on the true ground, a link budget, a threshold, and a validity flag.

Return energy of an extended Lambertian target that fills the beam (Degnan 1993, eq. 2.2, without retroreflector):

    E_r = E_t · (ρ/π) · cos i · (A / R²) · η · c(v) · 10^(−loss/10) · e^(−2τ)

and the signal-to-noise ratio is E_r over the noise-equivalent energy, which sunlight on the same ground raises. A shot
is detected when the signal plus unit normal noise passes the threshold, so P_detect = Φ(S − threshold).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Bool

from perilune.foundation.frames import inertial_to_fixed, surface_velocity
from perilune.foundation.quantities import Direction, Flag, Scalar
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import from_rotation_vector, rotate
from perilune.foundation.vectors import cross, dot

from ..environment.surface import Surface
from ..environment.terrain import Terrain
from ..faults.kinds import SLOW, UNITS
from ..faults.table import Struck
from ..state import Motion
from .footprint import Footprint

UNIT = UNITS.index("range_finder")
NEAR = 50.0  # m of height over which noise that rises near the ground falls by e


class Scene(eqx.Module):
    """What the beam meets: the ground, its surface, the dust on the way (optical depth one way), and when (s). `is_wide`: the
    beam is taken as wide as it is, by several rays; the same for all lanes."""

    ground: Terrain
    surface: Surface
    dust: Scalar
    time: Scalar
    is_wide: Flag


class Met(eqx.Module):
    """A shot before the unit's own noise: what answers, and what lies in the beam's middle."""

    distance: Scalar  # m, of the echo that counts
    strength: Scalar  # signal over noise
    is_echo: Flag  # it passes the threshold
    middle: Scalar  # m
    incidence_cosine: Scalar  # in the middle


class Return(eqx.Module):
    """One shot: what really happened and what the unit says of it."""

    slant_range: Scalar  # m, as reported
    true_range: Scalar  # m, in the middle of the beam
    strength: Scalar  # signal over noise
    incidence_cosine: Scalar
    is_detected: Flag
    is_valid: Flag


class RangeFinder(eqx.Module):
    """The unit as built and mounted."""

    boresight_B: Direction
    pulse_energy: Scalar  # J
    aperture_area: Scalar  # m²
    divergence: Scalar  # rad, full angle: the spot's width over the distance, on which the incidence is taken
    efficiency: Scalar  # optics, both ways
    noise_energy: Scalar  # J, noise-equivalent, in the dark
    sun_noise: Scalar  # growth of noise power at ρ = 1 and overhead Sun
    threshold: Scalar  # signal over noise
    closing_speed_scale: Scalar  # m/s, at which the return is down to 1/√2
    footprint: Footprint
    return_loss: Scalar  # power ratio ≤ 1
    noise_floor: Scalar  # m
    noise_weak: Scalar  # m at a signal-to-noise ratio of one
    bias: Scalar  # m
    quantum: Scalar  # m
    window: Scalar  # m, farthest range the unit counts to
    false_probability: Scalar  # of a false return, a shot
    dropout_probability: Scalar  # of a lost shot
    latency: Scalar  # s
    valid_count: int = eqx.field(static=True)  # m ...
    valid_window: int = eqx.field(static=True)  # ... of n shots make the reading valid

    def strength(self, surface: Surface, distance: Scalar, incidence_cosine: Scalar, closing: Scalar) -> Scalar:
        """Signal-to-noise ratio of a return from `distance` m at a closing speed (m/s)."""
        blur = 1.0 / jnp.sqrt(1.0 + (closing / self.closing_speed_scale) ** 2)
        gathered = self.aperture_area * self.efficiency / jnp.maximum(distance, 1.0) ** 2
        energy = self.pulse_energy * surface.reflectance / jnp.pi * incidence_cosine * gathered * blur
        sun = self.sun_noise * surface.reflectance * surface.sun_elevation_sine
        return energy * self.return_loss / (self.noise_energy * jnp.sqrt(1.0 + sun))

    def shoot(self, motion: Motion, scene: Scene, noise: Noise) -> Met:
        """A shot fired one latency ago.

        The pose then is the pose now run back by rates: ½ a t² = 0.06 m at 3 m/s² and 0.2 s, and the Moon's turn in that
        time, 0.5 m sideways at 60° latitude, are left out. Reflectance is that of the spot's middle.
        """
        ground, surface, time = scene.ground, scene.surface, scene.time
        then_I = motion.position_I - self.latency * motion.velocity_I
        boresight_B = self.boresight_B - self.latency * cross(motion.rate_B, self.boresight_B)
        position_M = inertial_to_fixed(then_I, time)
        direction_M = inertial_to_fixed(rotate(motion.attitude_IB, boresight_B), time)
        distances, cosines = self.footprint.look(ground, position_M, direction_M, scene.is_wide)
        spot_M = position_M + distances[0] * direction_M
        here = eqx.tree_at(lambda s: s.reflectance, surface, surface.reflectance * ground.brightness_at(spot_M))
        over_ground_I = motion.velocity_I - surface_velocity(motion.position_I)
        closing = dot(inertial_to_fixed(over_ground_I, time), direction_M)
        through_dust = jnp.exp(-2.0 * scene.dust)
        each = through_dust * jax.vmap(lambda d, c: self.strength(here, d, c, closing))(distances, cosines)

        def narrow():
            return distances[0], each[0], each[0] + rows(noise, "range_detection")[0] > self.threshold

        def wide():
            echo, is_echo = self.footprint.measure(distances, each, noise)
            return echo.distance, echo.energy, is_echo

        counts, answer, is_echo = lax.cond(scene.is_wide, wide, narrow)
        return Met(counts, answer, is_echo, distances[0], cosines[0])

    def struck_by(self, struck: Struck) -> "RangeFinder":
        """The unit with the faults that strike its parts; the same bits where there are none."""
        off_x, off_y = struck.of("range_boresight")
        turned_B = rotate(from_rotation_vector(jnp.stack([off_x, off_y, jnp.zeros_like(off_x)])), self.boresight_B)
        is_turned = (off_x != 0.0) | (off_y != 0.0)
        return eqx.tree_at(
            lambda r: (r.boresight_B, r.return_loss, r.false_probability, r.dropout_probability),
            self,
            (
                jnp.where(is_turned, turned_B, self.boresight_B),
                self.return_loss * 10.0 ** (-0.1 * struck.one("range_loss")),
                self.false_probability + struck.one("range_false"),
                1.0 - (1.0 - self.dropout_probability) * (1.0 - struck.one("unit_dropout", UNIT)),
            ),
        )

    def measure(
        self, motion: Motion, hits: Bool[Array, " shots"], scene: Scene, height: Scalar, struck: Struck, noise: Noise
    ) -> tuple[Return, Bool[Array, " shots"]]:
        """One shot from a height (m) above the ground, and the unit's new memory of detections."""
        finder = self.struck_by(struck)
        met = finder.shoot(motion, scene, noise)
        distance, strength = met.distance, met.strength
        first, second = rows(noise, "range_false")
        is_lost = ndtr(-first) < finder.dropout_probability  # the upper tail; false returns use the lower one
        is_echo = met.is_echo & (distance < finder.window) & ~is_lost
        is_false = ndtr(first) < finder.false_probability
        louder = struck.one("slow_noise", SLOW.index("range"))
        near = struck.one("range_near_noise") * jnp.exp(-jnp.maximum(height, 0.0) / NEAR)
        own = finder.noise_floor**2 + (finder.noise_weak / jnp.maximum(strength, 1.0)) ** 2
        spread = jnp.sqrt(own + louder**2 + near**2)
        echo = distance + finder.bias + spread * rows(noise, "range_noise")[0]
        reading = jnp.where(is_false, ndtr(second) * finder.window, echo)
        reading = jnp.maximum(jnp.round(reading / finder.quantum) * finder.quantum, 0.0)
        is_detected = (is_echo | (is_false & ~is_lost)) & ~struck.has("unit_off", UNIT)
        reading = jnp.where(is_detected, reading, finder.window)  # a shot without return counts to its end
        hits = jnp.concatenate([is_detected[None], hits[:-1]])
        is_valid = is_detected & (jnp.sum(hits) >= finder.valid_count)
        return Return(reading, met.middle, strength, met.incidence_cosine, is_detected, is_valid), hits
