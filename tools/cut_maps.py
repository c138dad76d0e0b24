"""Cut the package's maps out of the LOLA global maps and write the manifest of all shipped data.

    python tools/cut_maps.py FOLDER_WITH_LDEM_16_AND_LDEM_4

Run once when a cut-out is to change; the result is committed. Posts are copied as they are (int16, 0.5 m counts).
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

OUT = Path(__file__).parent.parent / "perilune" / "data"
# name: (product, posts per degree, south, north, west, east)
CUTS = {
    "mare-frigoris": ("LDEM_16", 16, 37.0, 64.0, -12.0, 4.0),
    "mare-frigoris-onboard": ("LDEM_4", 4, 35.0, 66.0, -16.0, 8.0),
    # Tracks of the other landers. Onboard maps are 98 posts from south to north and wider than what is kept of them, so that all
    # missions carry 98 by 14 posts, the shape that mare-frigoris-onboard leaves: one program flies them all.
    "atlas-rim": ("LDEM_16", 16, 24.5, 71.5, 40.5, 58.0),  # approaches from south, north and south-east
    "atlas-rim-onboard": ("LDEM_4", 4, 24.5, 71.5, 39.0, 60.0),
    "malapert": ("LDEM_16", 16, -82.0, -57.0, -6.0, 9.0),
    "malapert-onboard": ("LDEM_4", 4, -81.5, -57.0, -6.0, 9.0),
    "mare-crisium": ("LDEM_16", 16, 17.0, 42.0, 59.5, 64.0),
    "mare-crisium-onboard": ("LDEM_4", 4, 16.75, 41.25, 58.0, 66.0),
    "shioli": ("LDEM_16", 16, -15.0, 10.0, 23.0, 27.5),
    "shioli-onboard": ("LDEM_4", 4, -15.0, 9.5, 21.0, 29.0),
    "boguslawsky": ("LDEM_16", 16, -72.0, -47.0, 36.5, 50.5),
    "boguslawsky-onboard": ("LDEM_4", 4, -71.0, -46.5, 38.0, 49.0),
}
CREDIT = (
    "NASA PDS, LRO-L-LOLA-4-GDR-V1.0, product {product} V2.0 of 2013-09-15; "
    "Smith et al., The Lunar Orbiter Laser Altimeter Investigation, Space Sci. Rev. 150, 2010"
)


def cut(folder: Path, name: str) -> dict:
    """Write one cut-out; returns its manifest entry."""
    product, density, south, north, west, east = CUTS[name]
    globe = np.fromfile(folder / f"{product}.IMG", "<i2").reshape(180 * density, 360 * density)
    rows = slice(int((90 - north) * density), int((90 - south) * density))
    columns = np.arange(int(west * density), int(east * density)) % (360 * density)
    posts = globe[rows][:, columns]
    path = OUT / f"{name}.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=posts.shape[0],
        width=posts.shape[1],
        count=1,
        dtype="int16",
        crs=rasterio.CRS.from_wkt(
            'GEOGCS["Moon 2000",DATUM["D_Moon_2000",SPHEROID["Moon_2000_IAU_IAG",1737400,0]],'
            'PRIMEM["Reference_Meridian",0],UNIT["degree",0.0174532925199433]]'
        ),
        transform=from_origin(west, north, 1 / density, 1 / density),
        compress="deflate",
        predictor=2,
    ) as dataset:
        dataset.write(posts, 1)
        dataset.scales, dataset.units = (0.5,), ("m",)
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": CREDIT.format(product=product),
        "licence": "NASA PDS data, no restriction; cite the source",
        "box_deg": {"south": south, "north": north, "west": west, "east": east},
        "posts_per_degree": density,
        "datum": "heights in 0.5 m counts above 1737.4 km, mean Earth/polar axis",
    }


def readouts() -> dict:
    """Manifest entry of the broadcast readouts, which are kept as they are."""
    path = OUT / "m2-readouts.csv"
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": "ispace HAKUTO-R Mission 2 landing broadcast, 5 June 2025: 39 on-screen figures, digitised from a "
        "published plot (±1 m/s, ±25 m; the screen updates in steps, late by up to about 5 s)",
        "licence": "facts; credit the broadcast",
    }


if __name__ == "__main__":
    entries = [cut(Path(sys.argv[1]), name) for name in CUTS] + [readouts()]
    (OUT / "manifest.json").write_text(json.dumps(entries, indent=2) + "\n")
    print("\n".join(f"{entry['file']}: {entry['sha256']}" for entry in entries))
