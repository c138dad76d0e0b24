"""How bright the ground is to a laser at 1064 nm, from the Moon's photometry by sunlight.

Kaguya's Spectral Profiler measured the Moon at phases of 5° to 85° and gave, for three groups of albedo, the reflectance at
incidence 30°, emission 0°, phase 30° and a phase function (Yokota et al. 2011, Icarus 215, 639–660):

    r(i, e, α) = r(30°, 0°, 30°) · X(i, e, α)/X(30°, 0°, 30°) · f(α)/f(30°)
    X = 2 L(α) cos i/(cos i + cos e) + (1 − L(α)) cos i,    L = 1 − 0.019 α + 2.42e-4 α² − 1.46e-6 α³, α in degrees
    f(α) = [1 + B₀/(1 + tan(α/2)/h)] · P(α; c, g)

with X the lunar-Lambert law (McEwen 1996, Lunar Planet. Sci. XXVII) and P two Henyey-Greenstein lobes. A laser looks along its
own light: i = e on flat ground, α = 0, which lies outside the measured phases and hangs on the opposition surge B₀.
"""

import math
from typing import NamedTuple


class Group(NamedTuple):
    """Photometry of one group of albedo at 1067.8 nm."""

    code: int  # in the published 0.5° map of groups
    surge: float  # B₀
    width: float  # h
    partition: float  # c
    asymmetry: float  # g
    reflectance: float  # mean, at incidence 30°, emission 0°, phase 30°
    surge_error: float  # of B₀, one sigma of the fit


# Yokota et al. 2011, supporting tables, channel 108 (1067.8 nm).
GROUPS = {
    "high": Group(1, 0.855, 0.1015, -0.281, 0.185, 0.152, 0.051),
    "mid": Group(2, 1.018, 0.0567, -0.142, 0.211, 0.103, 0.036),
    "low": Group(3, 1.275, 0.0498, 0.094, 0.244, 0.070, 0.043),
}
REFERENCE = math.radians(30.0)  # incidence and phase of the tabled reflectance; emission is 0


def phase_function(phase: float, group: Group) -> float:
    """f(α), α in rad."""
    surge = 1.0 + group.surge / (1.0 + math.tan(0.5 * phase) / group.width)
    c, g, cosine = group.partition, group.asymmetry, math.cos(phase)
    forward = (1.0 - g * g) / (1.0 + 2.0 * g * cosine + g * g) ** 1.5
    backward = (1.0 - g * g) / (1.0 - 2.0 * g * cosine + g * g) ** 1.5
    return surge * (0.5 * (1.0 - c) * forward + 0.5 * (1.0 + c) * backward)


def limb_law(incidence: float, emission: float, phase: float) -> float:
    """X(i, e, α), angles in rad."""
    degrees = math.degrees(phase)
    share = max(1.0 - 0.019 * degrees + 2.42e-4 * degrees**2 - 1.46e-6 * degrees**3, 0.0)
    cos_i, cos_e = math.cos(incidence), math.cos(emission)
    return 2.0 * share * cos_i / (cos_i + cos_e) + (1.0 - share) * cos_i


def reflectance(group: Group, incidence: float, emission: float, phase: float) -> float:
    """Radiance factor of a group of albedo, angles in rad."""
    limb = limb_law(incidence, emission, phase) / limb_law(REFERENCE, 0.0, REFERENCE)
    return group.reflectance * limb * phase_function(phase, group) / phase_function(REFERENCE, group)


def normal_albedo(group: Group) -> float:
    """Radiance factor straight along the light: what `site.reflectance_1064nm` asks for."""
    return reflectance(group, 0.0, 0.0, 0.0)
