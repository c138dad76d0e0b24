"""What is below a map on the two kinds of ground that the Moon has, for sites that no mission file describes."""

from .mission import Detail

# Roughness exponents: Rosenburg et al. (2011), J. Geophys. Res. 116, from memory (M). Craters over 1 km: chronology of Neukum,
# Ivanov and Hartmann (2001), Space Sci. Rev. 96, at 3.5 and 3.9 billion years. Rocks: VIPER-MSE-SPEC-001 (NASA), for want of
# counts by kind of ground the same on both.
KINDS = {
    "mare": Detail(hurst_exponent=0.76, craters_over_1km_per_km2=0.0048, rocks_over_1m_per_m2=3e-4, rock_exponent=2.482),
    "highland": Detail(hurst_exponent=0.95, craters_over_1km_per_km2=0.033, rocks_over_1m_per_m2=3e-4, rock_exponent=2.482),
}
