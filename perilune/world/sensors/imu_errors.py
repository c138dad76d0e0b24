"""What an inertial unit does beyond bias, scale and white noise: axes askew, a bias that drifts, steps, and an end of range.

Bias instability is a first-order Gauss-Markov process, b' = e^(−T/τ) b + σ √(1 − e^(−2T/τ)) n; the rate random walk adds K √T n
to the bias each cycle. Their Allan variances, and that of angle quantised in steps q whose remainder is carried on, are
(IEEE Std 952-1997, annex C)

    (q_c τ_c)²/τ [1 − τ_c/(2τ) (3 − 4 e^(−τ/τ_c) + e^(−2τ/τ_c))] with q_c = σ √(2/τ_c),    K² τ/3,    q²/(4 τ²);

the first peaks at τ = 1.89 τ_c with 0.617 σ: a sheet's instability is that over 0.617, or σ where it quotes the deviation itself.
LN-200S: gyros 0.07 °/√h and 1 °/h, accelerometers 35 µg/√Hz and 300 µg (F); correlation times of 100 s, axes to 100 µrad, steps
of 2⁻¹⁹ rad and 2⁻¹⁴ m/s and ranges of 1000 °/s and 40 g are M.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Scalar, Vector
from perilune.foundation.vectors import cross


class TriadState(eqx.Module):
    """What three axes of one kind carry from cycle to cycle; rates are m/s² or rad/s, increments m/s or rad."""

    drift: Vector  # rate, the Gauss-Markov part of the bias
    walk: Vector  # rate, the random walk's part
    remainder: Vector  # increment that was less than a step


class ImuState(eqx.Module):
    """What the unit carries from cycle to cycle."""

    accelerometers: TriadState
    gyros: TriadState


class Triad(eqx.Module):
    """Three axes of one kind. Every figure at zero leaves the reading as it is (a rate limit of zero is none)."""

    misalignment_B: Vector  # rad, small turn of the three axes together from B
    skew: Vector  # rad, by which y leans to x, z to x and z to y
    instability: Scalar  # m/s² or rad/s, 1 sigma of the Gauss-Markov process
    correlation_time: Scalar  # s
    walk: Scalar  # m/s²/√s or rad/s/√s
    quantum: Scalar  # m/s or rad, a step
    limit: Scalar  # m/s² or rad/s, end of range either way

    def initial(self, normals: Vector) -> TriadState:
        """A state as the process has it after a long time."""
        return TriadState(self.instability * normals, jnp.zeros_like(normals), jnp.zeros_like(normals))

    def measure(
        self, state: TriadState, increment_B: Vector, normals: Float[Array, "6"], period: Scalar
    ) -> tuple[Vector, TriadState]:
        """Increments as these axes give them. The bias of a cycle is that at its end."""
        share = -jnp.expm1(-period / self.correlation_time)
        kick = self.instability * jnp.sqrt(-jnp.expm1(-2.0 * period / self.correlation_time))
        drift = (1.0 - share) * state.drift + kick * normals[0:3]
        walk = state.walk + self.walk * jnp.sqrt(period) * normals[3:6]
        turned = increment_B - cross(self.misalignment_B, increment_B)
        zero = jnp.zeros_like(period)
        leaning = jnp.stack([zero, self.skew[0] * turned[0], self.skew[1] * turned[0] + self.skew[2] * turned[1]])
        whole = turned + leaning + (drift + walk) * period
        most = jnp.where(self.limit > 0.0, self.limit * period, jnp.inf)
        whole = jnp.clip(whole, -most, most)
        step = jnp.where(self.quantum > 0.0, self.quantum, 1.0)
        due = whole + state.remainder
        counted = jnp.where(self.quantum > 0.0, jnp.round(due / step) * step, due)
        return counted, TriadState(drift, walk, due - counted)


class ImuErrors(eqx.Module):
    """Errors on top of `Imu`'s: this takes that unit's increments.

    Left out: size effect and lever arm (0.1 m off the centre of mass at 5°/s: 0.8 mm/s²), coning and sculling inside a cycle
    (below ½ Δθ²: 1.5 µrad a cycle at 1°/s and 10 Hz), sensitivity of gyros to acceleration (1 °/h a g, M: as much as their
    bias), temperature.
    """

    accelerometers: Triad
    gyros: Triad

    def initial(self, normals: Float[Array, "6"]) -> ImuState:
        """The unit's state at switch-on, from six normal numbers of the run."""
        return ImuState(self.accelerometers.initial(normals[0:3]), self.gyros.initial(normals[3:6]))

    def measure(
        self, state: ImuState, delta_velocity_B: Vector, delta_angle_B: Vector, normals: Float[Array, "12"], period: Scalar
    ) -> tuple[Vector, Vector, ImuState]:
        """Increments of velocity (m/s) and angle (rad) over `period` s, and the state after them; `normals` are the rows
        "imu_drift", six for the accelerometers and six for the gyros."""
        velocity, first = self.accelerometers.measure(state.accelerometers, delta_velocity_B, normals[0:6], period)
        angle, second = self.gyros.measure(state.gyros, delta_angle_B, normals[6:12], period)
        return velocity, angle, ImuState(first, second)
