"""Constants of the Moon, each with its source on its line. SI units."""

import math

GM = 4902.799806931690e9  # m³/s², GRAIL GRGM660PRIM (Lemoine et al. 2013), ICGEM header
GRAVITY_RADIUS = 1738.0e3  # m, reference radius of the same field
# Fully normalised degree-2 coefficients of GRGM660PRIM (principal axes), turned into plain ones.
# Normalisation: C_20 = √5 C̄_20 and C_22 = √(5/12) C̄_22 (Kaula 1966, eq. 1.34).
C20 = -9.0882923650771000e-05 * math.sqrt(5.0)  # GRGM660PRIM
C22 = 3.4670944268756000e-05 * math.sqrt(5.0 / 12.0)  # GRGM660PRIM
S22 = -2.4064244523445000e-10 * math.sqrt(5.0 / 12.0)  # GRGM660PRIM
RADIUS = 1737.4e3  # m, sphere that LOLA heights are counted from (PDS label LDEM_16, OFFSET)
ROTATION_RATE = math.radians(13.17635815) / 86400.0  # rad/s, IAU WGCCRE 2009 (Archinal et al. 2011), linear term of W
STANDARD_GRAVITY = 9.80665  # m/s², definition of specific impulse (CGPM 1901)
SURFACE_GRAVITY = GM / RADIUS**2  # m/s²
