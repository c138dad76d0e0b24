"""Constants of the Moon, each with its source on its line. SI units."""

import math

import numpy as np

GM = 4902.799806931690e9  # m³/s², GRAIL GRGM660PRIM (Lemoine et al. 2013), ICGEM header
GRAVITY_RADIUS = 1738.0e3  # m, reference radius of the same field
# Fully normalised degree-2 coefficients of GRGM660PRIM (principal axes), turned into plain ones.
# Normalisation: C_20 = √5 C̄_20 and C_22 = √(5/12) C̄_22 (Kaula 1966, eq. 1.34).
C20 = -9.0882923650771000e-05 * math.sqrt(5.0)  # GRGM660PRIM
C22 = 3.4670944268756000e-05 * math.sqrt(5.0 / 12.0)  # GRGM660PRIM
S22 = -2.4064244523445000e-10 * math.sqrt(5.0 / 12.0)  # GRGM660PRIM
GM_EARTH = 398600.43543609598e9  # m³/s², DE431 (Folkner et al. 2014; NAIF gm_de431.tpc)
GM_SUN = 132712440041.93938e9  # m³/s², DE431 (same)
RADIUS = 1737.4e3  # m, sphere that LOLA heights are counted from (PDS label LDEM_16, OFFSET)
ROTATION_RATE = math.radians(13.17635815) / 86400.0  # rad/s, IAU WGCCRE 2009 (Archinal et al. 2011), linear term of W
STANDARD_GRAVITY = 9.80665  # m/s², definition of specific impulse (CGPM 1901)
SURFACE_GRAVITY = GM / RADIUS**2  # m/s²


def principal_axes() -> np.ndarray:
    """(3, 3), rows: the principal axes of DE421 in the mean Earth/polar axis frame M.

    v_PA = R₃(67.92″) R₂(78.56″) R₁(0.30″) v_M (Williams, Boggs and Folkner 2008, JPL IOM 335-JW,DB,WF-20080314-001);
    left out, gravity would sit 875 m from its ground.
    """
    (c1, s1), (c2, s2), (c3, s3) = (
        (math.cos(angle), math.sin(angle)) for angle in (math.radians(second / 3600) for second in (0.30, 78.56, 67.92))
    )
    first = np.array([[1.0, 0.0, 0.0], [0.0, c1, s1], [0.0, -s1, c1]])
    second = np.array([[c2, 0.0, -s2], [0.0, 1.0, 0.0], [s2, 0.0, c2]])
    third = np.array([[c3, s3, 0.0], [-s3, c3, 0.0], [0.0, 0.0, 1.0]])
    return third @ second @ first


AXES_PA_IN_ME = principal_axes()
