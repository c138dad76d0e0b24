"""The array types of the project, named by what they hold. SI units and radians, float64 unless said."""

from jaxtyping import Array, Bool, Float, Int

Scalar = Float[Array, ""]
Flag = Bool[Array, ""]
Count = Int[Array, ""]
Vector = Float[Array, "3"]
Position = Float[Array, "3"]  # m
Velocity = Float[Array, "3"]  # m/s
Acceleration = Float[Array, "3"]  # m/s²
Direction = Float[Array, "3"]  # unit vector
Attitude = Float[Array, "4"]  # unit quaternion, scalar first
Rate = Float[Array, "3"]  # rad/s
Force = Float[Array, "3"]  # N
Torque = Float[Array, "3"]  # N m
Mass = Float[Array, ""]  # kg
Slope = Float[Array, "2"]  # m/m, of the ground towards east and north
Matrix = Float[Array, "3 3"]
