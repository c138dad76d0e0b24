"""How the unit that a key's ending says is written."""

UNITS = {
    "_deg_per_h_per_rts": "°/h/√s", "_kg_per_mps2": "kg s²/m", "_ug_per_rts": "µg/√s", "_mrad_per_s": "mrad/s", "_mmps": "mm/s",
    "_ug_per_rthz": "µg/√Hz", "_ug_per_s": "µg/s", "_deg_per_h_per_s": "°/h/s", "_arcsec_per_s": "arcsec/s", "_kgps": "kg/s",
    "_rad_per_s": "rad/s", "_deg_per_rth": "°/√h", "_deg_per_h": "°/h", "_deg_per_s": "°/s", "_per_s2": "1/s²",
    "_per_s": "1/s", "_mps2": "m/s²", "_mps": "m/s", "_kgm2": "kg m²", "_m2": "m²", "_arcsec": "arcsec", "_mrad": "mrad",
    "_percent": "%", "_ppm": "ppm", "_deg": "°", "_kg": "kg", "_mm": "mm", "_mj": "mJ", "_aj": "aJ", "_db": "dB",
    "_ug": "µg", "_ms": "ms", "_m": "m", "_n": "N", "_s": "s", "_kgpm3": "kg/m³", "_npm": "N/m", "_nspm": "N s/m", "_nm": "N m",
}  # fmt: skip
ENDINGS = sorted(UNITS, key=len, reverse=True)  # of two that fit, the longer says more


def unit_of(path: str) -> str:
    """The unit that a key's ending says, before the numbers of elements; empty where it says none."""
    while path.rpartition(".")[2].isdigit():
        path = path.rpartition(".")[0]
    return next((UNITS[ending] for ending in ENDINGS if path.endswith(ending)), "")
