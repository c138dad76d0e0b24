"""Attitude quaternions. `attitude_AB` takes B components to A; products cancel: compose(x_AB, y_BC) is x·y_AC.

Scalar first, Hamilton product, unit length (Kuipers 1999, chapter 5).
"""

import jax.numpy as jnp

from .quantities import Attitude, Matrix, Rate, Vector
from .vectors import cross, dot, norm


def rotate(attitude_AB: Attitude, vector_B: Vector) -> Vector:
    """Components in A of a vector given in B: v + 2 s (u × v) + 2 u × (u × v)."""
    s, u = attitude_AB[0], attitude_AB[1:]
    t = 2.0 * cross(u, vector_B)
    return vector_B + s * t + cross(u, t)


def inverse(attitude_AB: Attitude) -> Attitude:
    """attitude_BA."""
    return jnp.stack([attitude_AB[0], -attitude_AB[1], -attitude_AB[2], -attitude_AB[3]])


def compose(attitude_AB: Attitude, attitude_BC: Attitude) -> Attitude:
    """attitude_AC, the Hamilton product."""
    p, q = attitude_AB, attitude_BC
    return jnp.stack(
        [
            p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
            p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
            p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
            p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
        ]
    )


def normalised(attitude_AB: Attitude) -> Attitude:
    """The same rotation with unit length."""
    q = attitude_AB
    return q / jnp.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])


def from_rotation_vector(angle_A: Vector) -> Attitude:
    """Quaternion of a rotation by |angle| rad about its direction; exact, smooth at zero."""
    square = dot(angle_A, angle_A)
    half = 0.5 * jnp.sqrt(jnp.maximum(square, 1e-24))
    scale = jnp.where(square > 1e-16, 0.5 * jnp.sin(half) / half, 0.5 - square / 48.0)
    return jnp.stack([jnp.cos(half), scale * angle_A[0], scale * angle_A[1], scale * angle_A[2]])


def to_rotation_vector(attitude_AB: Attitude) -> Vector:
    """Rotation vector (rad, shorter way round) of a unit quaternion."""
    s = jnp.where(attitude_AB[0] < 0.0, -1.0, 1.0)
    u = attitude_AB[1:] * s
    length = norm(u)
    angle = 2.0 * jnp.arctan2(length, attitude_AB[0] * s)
    return u * jnp.where(length > 1e-12, angle / jnp.maximum(length, 1e-12), 2.0)


def to_matrix(attitude_AB: Attitude) -> Matrix:
    """Direction cosine matrix that takes B components to A."""
    s, x, y, z = attitude_AB
    return jnp.stack(
        [
            jnp.stack([1 - 2 * (y * y + z * z), 2 * (x * y - s * z), 2 * (x * z + s * y)]),
            jnp.stack([2 * (x * y + s * z), 1 - 2 * (x * x + z * z), 2 * (y * z - s * x)]),
            jnp.stack([2 * (x * z - s * y), 2 * (y * z + s * x), 1 - 2 * (x * x + y * y)]),
        ]
    )


def from_axes(x_A: Vector, y_A: Vector, z_A: Vector) -> Attitude:
    """attitude_AB of a frame B whose right-handed orthonormal axes have these components in A.

    Shepperd's method without branches: the four candidate quaternions, the best conditioned one kept
    (Shepperd, J. Guidance and Control 1(3), 1978).
    """
    m = jnp.stack([x_A, y_A, z_A], axis=1)
    squares = jnp.stack(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    a, b, c = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    d, e, f = m[1, 0] + m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2]
    candidates = jnp.stack(
        [
            jnp.stack([squares[0], a, b, c]),
            jnp.stack([a, squares[1], d, e]),
            jnp.stack([b, d, squares[2], f]),
            jnp.stack([c, e, f, squares[3]]),
        ]
    )
    return normalised(candidates[jnp.argmax(squares)])


def rate_of_change(attitude_AB: Attitude, rate_B: Rate) -> Attitude:
    """dq/dt = ½ q ∘ (0, ω) for ω of B relative to A, in B components, rad/s."""
    q, w = attitude_AB, rate_B
    return 0.5 * jnp.stack(
        [
            -q[1] * w[0] - q[2] * w[1] - q[3] * w[2],
            q[0] * w[0] + q[2] * w[2] - q[3] * w[1],
            q[0] * w[1] + q[3] * w[0] - q[1] * w[2],
            q[0] * w[2] + q[1] * w[1] - q[2] * w[0],
        ]
    )
