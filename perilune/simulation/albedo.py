"""Maps of how bright the ground is at 1064 nm: rasters of reflectance, or Kaguya's map of albedo groups."""

from pathlib import Path

import numpy as np

from perilune.foundation.errors import UserError
from perilune.world.environment.photometry import GROUPS, normal_albedo

from .raster import Raster

GROUP_ROWS, GROUP_COLUMNS = 360, 720  # of the map of groups: half a degree, from the south pole and from 0° E
BRIGHTEST = 1.5  # normal albedo that no ground exceeds (LOLA: 0.13 to 0.57)


class Albedo:
    """A map by path: reflectance at zero phase as a raster (GeoTIFF or PDS3, 0 to 1), or the 0.5° map of albedo groups of
    Kaguya's Spectral Profiler (Yokota et al. 2011; 360 × 720 16-bit codes), each group at its normal albedo."""

    def __init__(self, name: str):
        """Raises UserError where the file is missing or is neither."""
        self.name, self.groups, self.raster = name, None, None
        path = Path(name).expanduser()
        if path.suffix.lower() != ".dat":
            self.raster = Raster(name, is_height=False)
            self.files = self.raster.files
            return
        wanted = 2 * GROUP_ROWS * GROUP_COLUMNS
        if not path.is_file() or path.stat().st_size != wanted:
            raise UserError(f"Albedo map {name} is not there or not of {wanted:,} bytes: give Kaguya's 0.5° map of groups, "
                            "a PDS3 label or a GeoTIFF.")  # fmt: skip
        self.files = (str(path),)
        codes = np.fromfile(path, "<i2").reshape(GROUP_ROWS, GROUP_COLUMNS)
        values = {group.code: normal_albedo(group) for group in GROUPS.values()}
        self.groups = np.vectorize(lambda code: values.get(int(code), np.nan), otypes=[float])(codes)

    def at(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """Reflectance (n,) at latitudes and east longitudes (rad); NaN where the map has none."""
        if self.raster is not None:
            return self.raster.heights(latitude, longitude, 0.0)
        assert self.groups is not None
        row = np.clip(np.floor((np.degrees(latitude) + 90.0) / 0.5).astype(int), 0, GROUP_ROWS - 1)
        column = np.floor(np.degrees(longitude) % 360.0 / 0.5).astype(int) % GROUP_COLUMNS
        return self.groups[row, column]

    def relative(self, places: np.ndarray, site_M: np.ndarray) -> np.ndarray:
        """Reflectance at unit vectors (n, 3) in M over that at the site; 1 where the map says nothing. Raises UserError where it
        says nothing at the site or what cannot be a reflectance."""

        def looked_up(ways: np.ndarray) -> np.ndarray:
            return self.at(np.arcsin(np.clip(ways[:, 2], -1.0, 1.0)), np.arctan2(ways[:, 1], ways[:, 0]))

        here = float(looked_up(site_M[None, :])[0])
        if not np.isfinite(here):
            raise UserError(f"site.reflectance_map {self.name} says nothing at the site: choose a map that covers it.")
        found = looked_up(places)
        there = found[np.isfinite(found)]
        if here <= 0.0 or np.any(there < 0.0) or np.any(there > BRIGHTEST):
            raise UserError(
                f"site.reflectance_map {self.name} has values from {min(here, float(there.min())):g} to {float(there.max()):g}: "
                "reflectance goes from 0 to 1."
            )
        return np.where(np.isfinite(found), found / here, 1.0)
