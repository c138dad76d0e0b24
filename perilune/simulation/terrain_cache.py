"""Ground that has been built is kept in the user's cache folder: building it takes seconds, reading it back does not."""

import hashlib
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import jax.numpy as jnp
import numpy as np

from perilune.foundation.compilation import cache_folder, keep
from perilune.world.environment import craters, photometry, roughness, terrain
from perilune.world.environment.terrain import Terrain

from . import albedo as albedo_maps
from . import build_terrain, raster
from .albedo import Albedo
from .build_terrain import Extent, ground_of
from .mission import Detail
from .raster import Raster

MOST_KEPT = 12  # grounds, of about 18 MB each
MAKERS = (
    albedo_maps,
    build_terrain,
    raster,
    craters,
    photometry,
    roughness,
    terrain,
)  # another word in any of them makes another ground
ARRAYS = ("heights", "roofs", "axes_M", "corner", "spacing", "brightness", "lowest", "highest")


def name_of(rasters: list[Raster], extent: Extent, detail: Detail | None, albedo: Albedo | None) -> str:
    """A name that hangs on everything that the ground is made of: files by place, size and time of change."""
    sha = hashlib.sha256()
    for maker in MAKERS:
        sha.update(Path(str(maker.__file__)).read_bytes())
    for one in [*rasters, *([albedo] if albedo else [])]:
        sha.update(type(one).__name__.encode())
        for file in one.files:
            state = os.stat(file)
            sha.update(f"{os.path.realpath(file)} {state.st_size} {state.st_mtime_ns};".encode())
    sha.update(np.ascontiguousarray(extent.axes_M).tobytes() + repr(extent[1:]).encode())
    sha.update(detail.model_dump_json().encode() if detail else b"none")
    return sha.hexdigest()[:32]


def build_terrain_once(rasters: list[Raster], extent: Extent, detail: Detail | None, albedo: Albedo | None = None) -> Terrain:
    """`build_terrain.ground_of`, from the cache where it has been built before."""
    folder = cache_folder("terrain")
    if folder is None:
        return ground_of(rasters, extent, detail, albedo)
    path = folder / f"{name_of(rasters, extent, detail, albedo)}.npz"
    found = read(path)
    if found is None:
        found = ground_of(rasters, extent, detail, albedo)
        keep(path, lambda file: saved(found, file), MOST_KEPT)
    return found


def read(path: Path) -> Terrain | None:
    """A ground that was kept, or None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: jnp.asarray(file[name]) for name in ARRAYS}
            shapes = tuple((int(rows), int(columns)) for rows, columns in file["shapes"])
        os.utime(path)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):  # absent or damaged: it is built again
        return None
    return Terrain(**arrays, shapes=shapes)


def saved(ground: Terrain, file: BinaryIO) -> None:
    """Write a ground."""
    arrays: dict = {key: np.asarray(getattr(ground, key)) for key in ARRAYS}
    np.savez(file, shapes=np.asarray(ground.shapes), **arrays)
