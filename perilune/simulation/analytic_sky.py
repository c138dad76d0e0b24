"""The Moon's orientation, the Sun and the Earth by published series, for where no kernels are given.

Orientation: IAU Working Group on Cartographic Coordinates and Rotational Elements 2009 (Archinal et al. 2011, Celest.
Mech. Dyn. Astron. 109, table 2). Sun and Moon: low-precision series of Montenbruck and Gill 2000, §3.3.2; against DE421
the Moon is good to 1.3 arc minutes rms, 5 at most over 33 years, and 500 km; the Sun to 0.6 arc minutes from 2000 to 2040.
Axes: ICRF; times: TDB seconds since J2000.
"""

import math

import numpy as np

from perilune.foundation.errors import UserError

DAY = 86400.0
CENTURY = 36525.0 * DAY
SPAN = CENTURY  # either way of J2000; beyond, polynomials of low order run away
OBLIQUITY = math.radians(23.43929111)  # ecliptic of J2000
# E1 … E13: degrees at J2000 and degrees a day.
ARGUMENTS = (
    (125.045, -0.0529921), (250.089, -0.1059842), (260.008, 13.0120009), (176.625, 13.3407154), (357.529, 0.9856003),
    (311.589, 26.4057084), (134.963, 13.0649930), (276.617, 0.3287146), (34.226, 1.7484877), (15.134, -0.1589763),
    (119.743, 0.0036096), (239.961, 0.1643573), (25.053, 12.9590088),
)  # fmt: skip
POLE_ASCENSION = (-3.8787, -0.1204, 0.0700, -0.0172, 0, 0.0072, 0, 0, 0, -0.0052, 0, 0, 0.0043)  # sines
POLE_DECLINATION = (1.5419, 0.0239, -0.0278, 0.0068, 0, -0.0029, 0.0009, 0, 0, 0.0008, 0, 0, -0.0009)  # cosines
MERIDIAN = (
    3.5610, 0.1208, -0.0642, 0.0158, 0.0252, -0.0066, -0.0047, -0.0046, 0.0028, 0.0052, 0.0040, 0.0019, -0.0044,
)  # sines  # fmt: skip


def turn_x(angle: float) -> np.ndarray:
    """Components in axes turned about x by an angle (rad)."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])


def turn_z(angle: float) -> np.ndarray:
    """The same about z."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


class AnalyticSky:
    """Orientation and positions by series. Valid for a few decades around J2000."""

    name = "IAU 2009 orientation, Sun and Earth by low-precision series"

    def orientation(self, tdb: float) -> np.ndarray:
        """Matrix that takes ICRF components to M. Raises UserError for moments that the series do not hold for."""
        if not abs(tdb) <= SPAN:
            year = 2000.0 + tdb / DAY / 365.25
            raise UserError(f"The series for Sun and Earth hold from 1900 to 2100, not in {year:.0f}: choose another moment.")
        days, centuries = tdb / DAY, tdb / CENTURY
        angles = [math.radians(at + rate * days) for at, rate in ARGUMENTS]
        sines, cosines = [math.sin(a) for a in angles], [math.cos(a) for a in angles]

        def series(weights, values):
            return sum(w * v for w, v in zip(weights, values, strict=True))

        ascension = 269.9949 + 0.0031 * centuries + series(POLE_ASCENSION, sines)
        declination = 66.5392 + 0.0130 * centuries + series(POLE_DECLINATION, cosines)
        meridian = 38.3213 + 13.17635815 * days - 1.4e-12 * days**2 + series(MERIDIAN, sines)
        tilt, node = math.radians(90.0 - declination), math.radians(90.0 + ascension)
        return turn_z(math.radians(meridian)) @ turn_x(tilt) @ turn_z(node)

    def sun(self, tdb: float) -> np.ndarray:
        """Position of the Sun from the Moon, ICRF, m."""
        return sun_from_earth(tdb) - moon_from_earth(tdb)

    def earth(self, tdb: float) -> np.ndarray:
        """Position of the Earth from the Moon, ICRF, m."""
        return -moon_from_earth(tdb)


def from_ecliptic(longitude: float, latitude: float, distance: float) -> np.ndarray:
    """ICRF position from ecliptic coordinates of J2000 (rad, rad, m)."""
    c = math.cos(latitude)
    place = distance * np.array([c * math.cos(longitude), c * math.sin(longitude), math.sin(latitude)])
    return turn_x(-OBLIQUITY) @ place


def sun_from_earth(tdb: float) -> np.ndarray:
    """Montenbruck and Gill 2000, eq. 3.43–3.44, with the motion of the perihelion against the stars, 1161.24″ a century
    (Simon et al. 1994, Astron. Astrophys. 282, table 5.8.3), which they leave out: 0.08° in 2025."""
    anomaly = math.radians(357.5256 + 35999.049 * tdb / CENTURY)
    perihelion = 282.9400 + 1161.24 / 3600.0 * tdb / CENTURY
    longitude = math.radians(perihelion + (6892.0 * math.sin(anomaly) + 72.0 * math.sin(2 * anomaly)) / 3600.0) + anomaly
    distance = 1e9 * (149.619 - 2.499 * math.cos(anomaly) - 0.021 * math.cos(2 * anomaly))
    return from_ecliptic(longitude, 0.0, distance)


# Arc seconds or km, and multiples of l, l', F, D.
LONGITUDE = (
    (22640, 1, 0, 0, 0), (769, 2, 0, 0, 0), (-4586, 1, 0, 0, -2), (2370, 0, 0, 0, 2), (-668, 0, 1, 0, 0),
    (-412, 0, 0, 2, 0), (-212, 2, 0, 0, -2), (-206, 1, 1, 0, -2), (192, 1, 0, 0, 2), (-165, 0, 1, 0, -2),
    (148, 1, -1, 0, 0), (-125, 0, 0, 0, 1), (-110, 1, 1, 0, 0), (-55, 0, 0, 2, -2),
)  # fmt: skip
LATITUDE = (
    (-526, 0, 0, 1, -2), (44, 1, 0, 1, -2), (-31, -1, 0, 1, -2), (-25, -2, 0, 1, 0), (-23, 0, 1, 1, -2),
    (21, -1, 0, 1, 0), (11, 0, -1, 1, -2),
)  # fmt: skip
DISTANCE = (
    (-20905, 1, 0, 0, 0), (-3699, -1, 0, 0, 2), (-2956, 0, 0, 0, 2), (-570, 2, 0, 0, 0), (246, 2, 0, 0, -2),
    (-205, 0, 1, 0, -2), (-171, 1, 0, 0, 2), (-152, 1, 1, 0, -2),
)  # fmt: skip


def moon_from_earth(tdb: float) -> np.ndarray:
    """Montenbruck and Gill 2000, eq. 3.47–3.50, ICRF, m."""
    t = tdb / CENTURY
    mean = 218.31617 + 481267.88088 * t - 1.3972 * t
    arguments = [
        math.radians(at + rate * t)
        for at, rate in (
            (134.96292, 477198.86753), (357.52543, 35999.04944), (93.27283, 483202.01873), (297.85027, 445267.11135),
        )
    ]  # fmt: skip

    def series(rows, wave):
        return sum(row[0] * wave(sum(k * a for k, a in zip(row[1:], arguments, strict=True))) for row in rows)

    seconds = series(LONGITUDE, math.sin)
    anomaly, node = arguments[1], arguments[2]
    leaned = node + math.radians((seconds + 412.0 * math.sin(2 * node) + 541.0 * math.sin(anomaly)) / 3600.0)
    latitude = math.radians((18520.0 * math.sin(leaned) + series(LATITUDE, math.sin)) / 3600.0)
    return from_ecliptic(math.radians(mean + seconds / 3600.0), latitude, 1e3 * (385000.0 + series(DISTANCE, math.cos)))
