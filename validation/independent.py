"""The truth's forces written again in NumPy for SciPy to integrate: nothing of `perilune.world` but its numbers."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import RegularGridInterpolator

from perilune.foundation.moon import C20, C22, GM, GRAVITY_RADIUS, RADIUS, ROTATION_RATE, S22

XI = 1.8411837813406593
WALL_RATE = 12.0  # rad/s, as the model's
LATERAL = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])


def skew(v: np.ndarray) -> np.ndarray:
    """v × as a matrix."""
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


class Lander:
    """Dry body, frozen liquid and swinging masses as separate bodies: Newton and Euler for each, one linear system for all.

    The liquid's displacement is not taken as small here.
    """

    def __init__(self, structure):
        s, t = structure, structure.tanks
        self.dry, self.dry_centre = float(s.dry_mass), np.asarray(s.dry_centre_B)
        xx, yy, zz, xy, xz, yz = np.asarray(s.inertia_dry)
        self.dry_inertia = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        self.place, self.radius, self.height = np.asarray(t.place_B), np.asarray(t.radius), np.asarray(t.height)
        self.density, self.share = np.asarray(t.density), np.asarray(t.load_share)
        self.damping, self.hold, self.free = np.asarray(t.damping), np.asarray(t.hold), np.asarray(t.slosh_share)

    def parts(self, held: np.ndarray):
        """(mass, place, own inertia) of all that is rigid, and (mass, place, length, damping) of what swings."""
        rigid, swinging = [(self.dry, self.dry_centre, self.dry_inertia)], []
        for k, mass in enumerate(held):
            if mass <= 0.0:
                continue
            r = self.radius[k]
            h = max(mass / (self.density[k] * np.pi * r * r), 1e-3)
            m1 = self.free[k] * mass * 2 * r * np.tanh(XI * h / r) / (XI * h * (XI**2 - 1))
            up = h / 2 - 2 * r / XI * np.tanh(XI * h / (2 * r))
            middle = self.place[k] + np.array([0, 0, (h - self.height[k]) / 2])
            m0 = mass - m1
            own = np.diag([(3 * r * r + h * h) / 12, (3 * r * r + h * h) / 12, r * r / 2]) * m0
            rigid.append((m0, middle - np.array([0, 0, up * m1 / m0]), own))
            if m1 > 0.0:
                swinging.append((k, m1, middle + np.array([0, 0, up]), r / (XI * np.tanh(XI * h / r)), self.damping[k]))
        return rigid, swinging

    def accelerations(self, held, force, torque, w, d, speed):
        """ω̇ (rad/s²), d̈ (tanks, 2; m/s²) and mass, of a force (N) and a torque about the datum (N m)."""
        rigid, swinging = self.parts(held)
        total = sum(p[0] for p in rigid) + sum(p[1] for p in swinging)
        where = {k: place + LATERAL @ d[k] for k, _, place, _, _ in swinging}
        centre = (sum(m * place for m, place, _ in rigid) + sum(m * where[k] for k, m, *_ in swinging)) / total
        drift = sum((m * (LATERAL @ speed[k]) for k, m, *_ in swinging), np.zeros(3)) / total  # of the centre in B
        n = len(swinging)
        a, b = np.zeros((3 + 2 * n, 3 + 2 * n)), np.zeros(3 + 2 * n)
        b[:3] = torque - np.cross(centre, force)
        columns = {k: slice(3 + 2 * i, 5 + 2 * i) for i, (k, *_) in enumerate(swinging)}
        weights = {k: m / total for k, m, *_ in swinging}

        def relative(arm, moving):
            """Acceleration against the centre of a part at an arm that moves in B: (matrix, constant); its own d̈ left out."""
            matrix = np.zeros((3, 3 + 2 * n))
            matrix[:, :3] = -skew(arm)
            for k, share in weights.items():
                matrix[:, columns[k]] -= share * LATERAL
            return matrix, np.cross(w, np.cross(w, arm)) + 2 * np.cross(w, moving - drift)

        for m, place, own in rigid:
            arm = place - centre
            matrix, constant = relative(arm, np.zeros(3))
            a[:3] += m * skew(arm) @ matrix
            a[:3, :3] += own
            b[:3] -= m * np.cross(arm, constant) + np.cross(w, own @ w)
        axial = max(force[2], 0.0) / total
        for k, m, _, length, damping in swinging:
            arm = where[k] - centre
            matrix, constant = relative(arm, LATERAL @ speed[k])
            matrix[:, columns[k]] += LATERAL
            a[:3] += m * skew(arm) @ matrix
            b[:3] -= m * np.cross(arm, constant)
            stiff = axial / length + self.hold[k] ** 2
            drag, reach = 2 * damping * np.sqrt(stiff), float(np.linalg.norm(d[k]))
            if reach > self.radius[k]:
                stiff, drag = stiff + WALL_RATE**2 * (1 - self.radius[k] / reach), drag + WALL_RATE
            held_back = -stiff * d[k] - drag * speed[k]
            a[columns[k]] = matrix[:2]
            b[columns[k]] = held_back - constant[:2] - force[:2] / total
        solved = np.linalg.solve(a, b)
        moved = np.zeros_like(d)
        for k, *_ in swinging:
            moved[k] = solved[columns[k]]
        return solved[:3], moved, total


def matrix_of(q: np.ndarray) -> np.ndarray:
    """The attitude as a matrix, from B to I."""
    q0, q1, q2, q3 = q
    return np.array(
        [
            [q0 * q0 + q1 * q1 - q2 * q2 - q3 * q3, 2 * (q1 * q2 - q0 * q3), 2 * (q1 * q3 + q0 * q2)],
            [2 * (q1 * q2 + q0 * q3), q0 * q0 - q1 * q1 + q2 * q2 - q3 * q3, 2 * (q2 * q3 - q0 * q1)],
            [2 * (q1 * q3 - q0 * q2), 2 * (q2 * q3 + q0 * q1), q0 * q0 - q1 * q1 - q2 * q2 + q3 * q3],
        ]
    ) / (q @ q)


def turning(q: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Rate of change of the quaternion."""
    spin = np.array([[0, -w[0], -w[1], -w[2]], [w[0], 0, w[2], -w[1]], [w[1], -w[2], 0, w[0]], [w[2], w[1], -w[0], 0]])
    return 0.5 * spin @ q


class Independent:
    """A flight under recorded valve commands: thrust lags as differential equations, gravity from the potential's harmonics term
    by term, quaternion by matrices, the lander as bodies."""

    def __init__(self, world):
        self.output = np.asarray(world.engines.output)
        self.rise = np.repeat(np.asarray(world.engines.rise_time), (2, 8, 16))
        assert np.array_equal(world.engines.rise_time, world.engines.fall_time)
        self.loss = np.asarray(world.engines.start_loss)
        self.lander = Lander(world.structure)
        self.residual = np.asarray(world.structure.tanks.residual)
        self.tanks = len(self.residual)
        table = world.gravity_table
        self.axes = np.asarray(table.axes_M)
        ticks = [
            float(table.lowest[k]) + float(table.step[k]) * np.arange(count) for k, count in enumerate(table.nodes.shape[:3])
        ]
        self.rest = RegularGridInterpolator(ticks, np.asarray(table.nodes, np.float64))

    def gravity(self, r: np.ndarray, time: float) -> np.ndarray:
        """Gradient of GM/r + GM R²/r³ [C20 P20 + (C22 cos 2λ + S22 sin 2λ) P22] in Cartesian form, turned with the Moon."""
        angle = ROTATION_RATE * time
        turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        x, y, z = turn @ r
        n = np.sqrt(x * x + y * y + z * z)
        k = GM * GRAVITY_RADIUS**2
        a = -GM * np.array([x, y, z]) / n**3
        zonal = 1.5 * k * C20 / n**5
        a += zonal * np.array([x * (1 - 5 * z * z / n**2), y * (1 - 5 * z * z / n**2), z * (3 - 5 * z * z / n**2)])
        square = (x * x - y * y) / n**2
        a += 3 * k * C22 / n**5 * np.array([2 * x - 5 * x * square, -2 * y - 5 * y * square, -5 * z * square])
        a += 6 * k * S22 / n**5 * np.array([y - 5 * x * x * y / n**2, x - 5 * x * y * y / n**2, -5 * x * y * z / n**2])
        u = self.axes @ turn @ r
        place = [n - RADIUS, np.arcsin(u[2] / n), np.arctan2(u[1], u[0])]
        return turn.T @ (a + self.rest(place)[0])

    def derivative(self, t, s, open_):
        """State: r, v, q, ω, kg in each tank, displacements, their rates, thrust shares."""
        r, v, q, w, held, d, speed, share = np.split(s, np.cumsum([3, 3, 4, 3, *[self.tanks * k for k in (1, 2, 2)]]))
        output = self.output.T @ share
        d, speed = d.reshape(-1, 2), speed.reshape(-1, 2)
        turn, moved, mass = self.lander.accelerations(held, output[0:3], output[3:6], w, d, speed)
        usable = np.maximum(held - self.residual, 0.0)
        return np.concatenate(
            [
                v,
                self.gravity(r, t) + matrix_of(q) @ (output[0:3] / mass),
                turning(q, w),
                turn,
                -output[6] * usable / usable.sum(),
                speed.ravel(),
                moved.ravel(),
                (open_ - share) / self.rise,
            ]
        )

    def fly(self, truth, on_times: np.ndarray, cycles: int, period: float = 0.1, edge: float = 0.02) -> np.ndarray:
        """DOP853 (rtol 1e-11) from valve edge to valve edge; the state after `cycles`."""
        motion, engines = truth.motion, len(self.rise)
        begun = (motion.position_I, motion.velocity_I, motion.attitude_IB, motion.rate_B, truth.tanks)
        s = np.concatenate([*(np.asarray(x) for x in begun), np.zeros(4 * self.tanks + engines)])
        held = slice(13, 13 + self.tanks)
        was = np.zeros(engines, bool)
        steps = round(period / edge)
        for cycle in range(cycles):
            pattern = [on_times[cycle] > (j + 0.5) * edge for j in range(steps)]
            j = 0
            while j < steps:
                started = pattern[j] & ~was
                k = j + 1
                while k < steps and np.array_equal(pattern[k], pattern[j]):
                    k += 1
                usable = np.maximum(s[held] - self.residual, 0.0)
                s[held] -= float(self.loss[started].sum()) * usable / usable.sum()
                t0, t1 = cycle * period + j * edge, cycle * period + k * edge
                solved = solve_ivp(
                    self.derivative, (t0, t1), s, method="DOP853", rtol=1e-11, atol=1e-9, first_step=(t1 - t0) / 2,
                    args=(pattern[j].astype(float),),
                )  # fmt: skip
                s, was, j = solved.y[:, -1], pattern[j], k
        return s
