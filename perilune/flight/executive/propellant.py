"""How much propellant is left: bookkeeping, corrected by the gauge where the lander has one.

Two errors: that of the book, which begins with the load's and grows with what is burned (specific impulse and thrust are not as
drawn: its sigma grows as `flow_share` of the propellant used), and that of the gauge, a constant. Both are in the filter, or a
gauge that reads 5 kg long would be believed after a hundred readings. The gauge's is considered and not estimated (Schmidt 1966;
Bierman 1977, chapter VIII): the book can then never become surer than the gauge is. The gate stands on each reading and on the
mean of the last ones: a gauge that lies must not wait for the one reading whose noise brings it inside.
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Flag, Mass, Scalar

from ..settings import PropellantSettings

REMEMBERED = 10.0  # readings: a noise of 3 kg leaves 0.7 kg in their mean


class Book(eqx.Module):
    """What is known of the propellant beside its mass."""

    used: Mass  # kg, since the start, at the last slow step
    variance: Scalar  # kg², of the book's error (believed − actual)
    tied: Scalar  # kg², covariance of that with the gauge's constant error
    apart: Mass  # kg, reading less belief, mean of about the last `REMEMBERED` readings
    heard: Scalar  # readings so far; none is taken before there are so many
    is_taken: Flag  # the gauge's last reading was


def first_page(settings: PropellantSettings) -> Book:
    """Before the first cycle."""
    zero, no = jnp.zeros(()), jnp.zeros((), bool)
    return Book(zero, settings.load_sigma**2, zero, zero, zero, no)


def gauged(
    book: Book, propellant: Mass, reading: Mass, is_valid: Flag, loaded: Mass, settings: PropellantSettings
) -> tuple[Book, Mass]:
    """One slow step on: the book's error has grown with what was used of the `loaded` kg, and a valid reading within the gate is
    taken in. A gate of 0 takes none."""
    used = jnp.maximum(loaded - propellant, book.used)
    variance = book.variance + settings.flow_share**2 * (used**2 - book.used**2)
    # reading − believed = gauge's error + noise − book's error.
    spread = variance - 2.0 * book.tied + settings.gauge_bias**2 + settings.gauge_noise**2
    residual = reading - propellant
    is_valid = is_valid & (reading > 0.0)  # at its stop a gauge tells nothing: one that reads 60 kg short stands there to the end
    heard = book.heard + jnp.where(is_valid, 1.0, 0.0)
    apart = book.apart + jnp.where(is_valid, (residual - book.apart) / jnp.clip(heard, 1.0, REMEMBERED), 0.0)
    fits = (residual**2 <= settings.gauge_gate**2 * spread) & (apart**2 <= settings.gauge_gate**2 * spread)
    is_taken = is_valid & fits & (heard >= REMEMBERED) & (settings.gauge_gate > 0.0)
    gain = jnp.where(is_taken, (variance - book.tied) / jnp.maximum(spread, 1e-12), 0.0)
    after = Book(
        used=used,
        variance=jnp.maximum(variance - gain * (variance - book.tied), 0.0),
        tied=book.tied - gain * (book.tied - settings.gauge_bias**2),
        apart=apart - gain * residual,
        heard=heard,
        is_taken=is_taken,
    )
    corrected = jnp.clip(propellant + gain * residual, 0.0, loaded + 6.0 * settings.load_sigma)
    return after, jnp.where(is_taken, corrected, propellant)
