"""Vertical descent: hold the gate rate until a range is confirmed, then follow v = √(2 a h) to the touchdown rate."""

import jax.numpy as jnp

from perilune.foundation.moon import GM
from perilune.foundation.quantities import Scalar, Vector
from perilune.foundation.vectors import dot, norm, unit

from ...settings import GuidanceSettings
from .base import DescentLaw, Fall


def descent_rate(settings: GuidanceSettings, foot_height: Scalar) -> Scalar:
    """Planned descent rate (m/s) of terminal descent with the feet at a height above the ground (m)."""
    above = jnp.maximum(foot_height - settings.constant_final_height, 0.0)
    planned = jnp.sqrt(settings.touchdown_rate**2 + 2.0 * settings.terminal_deceleration * above)
    return jnp.minimum(planned, settings.hold_rate)


def vertical_part(fall: Fall) -> Scalar:
    """Upward thrust acceleration (m/s²): weight, the planned deceleration scaled to the actual rate, a proportional term."""
    settings, geometry, foot_height = fall.settings, fall.geometry, fall.foot_height
    planned = jnp.where(fall.is_terminal, descent_rate(settings, foot_height), settings.hold_rate)
    follows = fall.is_terminal & (planned < settings.hold_rate) & (planned > settings.touchdown_rate)
    descent = jnp.maximum(-geometry.climb_rate, 0.0)
    # The plan's own change in time, dv/dh · ḣ = a ḣ/v: a lander that has come to rest on a step of the ground goes on down
    # instead of hanging where the planned deceleration balances the gain.
    brake = jnp.where(follows, settings.terminal_deceleration * descent / planned, 0.0)
    weight = GM / geometry.radius**2
    vertical = weight + brake - settings.terminal_rate_gain * (planned + geometry.climb_rate)
    return jnp.maximum(vertical, 0.4 * weight)


def horizontal_part(fall: Fall) -> Vector:
    """Horizontal thrust acceleration in M (m/s²), before the limit of tilt: a velocity towards the site, bounded, gone in the
    last metres."""
    settings, geometry, foot_height = fall.settings, fall.geometry, fall.foot_height
    to_site = settings.site_M - dot(settings.site_M, geometry.up_M) * geometry.up_M
    wanted = settings.site_gain * to_site
    reach = jnp.minimum(settings.horizontal_speed_limit, settings.site_gain * jnp.maximum(foot_height - 50.0, 0.0))
    wanted = wanted * jnp.minimum(1.0, reach / jnp.maximum(norm(wanted), 1e-9))
    flat = geometry.velocity_M - geometry.climb_rate * geometry.up_M
    return settings.horizontal_gain * (wanted - flat)


def tilted(fall: Fall, vertical: Scalar, side: Vector) -> Vector:
    """Both together in M, the horizontal part bounded by the tilt that it asks for."""
    settings = fall.settings
    limit = jnp.where(fall.is_final, settings.final_tilt_limit, settings.tilt_limit)
    side = unit(side) * jnp.minimum(norm(side), vertical * jnp.tan(limit))
    return vertical * fall.geometry.up_M + side


class RateSchedule(DescentLaw):
    """A descent rate for every height, v = √(v₀² + 2 a h), and a velocity towards the site."""

    def acceleration(self, fall: Fall) -> Vector:
        """Both parts, each by its own rule."""
        return tilted(fall, vertical_part(fall), horizontal_part(fall))
