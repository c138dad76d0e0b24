"""One fault from one magnitude to another: how landing fares on the way. Kept part by part, so that it can be gone on with."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perilune.foundation.errors import UserError
from perilune.simulation.checks import check_faults, with_mission_faults
from perilune.simulation.load import load
from perilune.world.faults import CATALOGUE

from .batch import WIDTH, in_orbit
from .jobs import Job, fly_rows
from .place import whole
from .pool import spread
from .statistics import clopper_pearson

KEPT = ("seed", "outcome", "is_within_requirements", "vertical_speed_mps", "horizontal_speed_mps", "tilt_deg", "slope_deg",
        "miss_distance_m", "propellant_kg")  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """What is asked: a mission, a fault (with the rest of its table where it waits for something), and from where to where."""

    mission: str
    fault: str
    magnitudes: tuple[float, ...]
    runs: int  # of each magnitude, seeds 0, 1, …: the same ones for all
    when: tuple[tuple[str, Any], ...] = ()
    healthy: bool = False
    values: tuple[tuple[str, Any], ...] = ()
    build: str = ""  # version and commit of what flies it: another build's flights are not gone on with

    def faults(self, magnitude: Any) -> dict[str, Any]:
        """All faults of lanes with these magnitudes."""
        swept = {"magnitude": magnitude, **dict(self.when)} if self.when else magnitude
        return with_mission_faults(load(self.mission, dict(self.values)), self.healthy, {self.fault: swept})

    def lanes(self) -> tuple[np.ndarray, np.ndarray]:
        """Magnitude and seed of every flight."""
        return np.repeat(self.magnitudes, self.runs), np.tile(np.arange(self.runs), len(self.magnitudes))

    def digest(self) -> str:
        """SHA-256 of the question and of the mission as it is read."""
        table = load(self.mission, dict(self.values)).model_dump(mode="json")
        return hashlib.sha256(json.dumps([asdict(self), table], sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Point:
    """What became of the flights at one magnitude."""

    magnitude: float
    runs: int
    landed: int  # within requirements
    low: float  # Clopper-Pearson, 95 %
    high: float
    outcomes: dict[str, int]
    vertical_speed_mps: tuple[float, float, float]  # 5 %, median, 95 %; NaN where none met the ground

    @property
    def share(self) -> float:
        """Of landings within requirements."""
        return self.landed / self.runs


def check_sweep(sweep: Sweep) -> None:
    """Raises UserError with one sentence."""
    if sweep.runs < 1 or len(sweep.magnitudes) < 2:
        raise UserError("A sweep needs two magnitudes or more, and a run of each.")
    if len(set(sweep.magnitudes)) != len(sweep.magnitudes):
        raise UserError(f"A sweep from {sweep.magnitudes[0]:g} to {sweep.magnitudes[-1]:g} goes nowhere: give two magnitudes.")
    mission = load(sweep.mission, dict(sweep.values))
    if sweep.fault in CATALOGUE and in_orbit(sweep.fault):
        raise UserError(f"{sweep.fault} happens before powered descent, where a sweep begins: fly it with `fly --from orbit`.")
    check_faults(sweep.faults(np.asarray(sweep.magnitudes)), mission, mission.name)


def part_path(folder: Path, k: int) -> Path:
    """Where the k-th batch's rows are kept."""
    return folder / "runs" / f"part-{k:04d}.parquet"


def open_folder(sweep: Sweep, folder: Path) -> None:
    """Make the folder, or find that it holds this same sweep. Raises UserError."""
    head = folder / "sweep.json"
    try:
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not head.is_file())):
            raise UserError(f"Output folder {folder} holds other things: give an empty or new folder with --out.")
        held = json.loads(head.read_text(encoding="utf-8")) if head.is_file() else None
        if head.is_file() and (not isinstance(held, dict) or held.get("digest") != sweep.digest()):
            raise UserError(f"Output folder {folder} holds another sweep, or another build's: give a new folder with --out.")
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        if head.is_file():
            return
        text = json.dumps({"digest": sweep.digest(), "sweep": asdict(sweep)}, indent=2, default=str)
        whole(head, text.encode() + b"\n")
    except (OSError, ValueError) as problem:
        raise UserError(f"Output folder {folder} cannot be used: {problem}; choose another --out.") from None


def fly_sweep(sweep: Sweep, folder: Path, watch: Callable[[int, int], None] | None = None) -> list[Point]:
    """Fly what is not yet in the folder, batch by batch on all cores, and tell what came of each magnitude.

    `watch` is told how many of how many flights there are. Raises UserError; interrupted, it leaves whole batches behind, and
    the same call goes on from them.
    """
    check_sweep(sweep)
    open_folder(sweep, folder)
    magnitudes, seeds = sweep.lanes()
    parts = [slice(first, first + WIDTH) for first in range(0, len(seeds), WIDTH)]
    missing = [k for k in range(len(parts)) if not part_path(folder, k).is_file()]
    done = sum(len(seeds[parts[k]]) for k in range(len(parts)) if k not in missing)
    jobs = [
        Job(sweep.mission, tuple(int(s) for s in seeds[parts[k]]), sweep.faults(magnitudes[parts[k]]), {}, sweep.values)
        for k in missing
    ]
    if watch:
        watch(done, len(seeds))
    for k, rows in zip(missing, spread(fly_rows, jobs) if jobs else (), strict=True):
        table = pa.table({"magnitude": magnitudes[parts[k]], **{name: [row[name] for row in rows] for name in KEPT}})
        content = io.BytesIO()
        pq.write_table(table, content)
        whole(part_path(folder, k), content.getvalue())
        done += len(rows)
        if watch:
            watch(done, len(seeds))
    return points(sweep, folder, len(parts))


def points(sweep: Sweep, folder: Path, parts: int) -> list[Point]:
    """What came of each magnitude, from the folder."""
    try:
        table = pa.concat_tables([pq.read_table(part_path(folder, k)) for k in range(parts)])
    except (OSError, pa.ArrowException) as problem:
        raise UserError(f"The sweep in {folder} cannot be read: {problem}; delete that part and run again.") from None
    column = {name: np.asarray(table[name]) for name in ("magnitude", "outcome", "is_within_requirements", "vertical_speed_mps")}
    found = []
    for magnitude in sweep.magnitudes:
        here = column["magnitude"] == magnitude
        landed, speeds = int(column["is_within_requirements"][here].sum()), column["vertical_speed_mps"][here].astype(float)
        names, counts = np.unique(column["outcome"][here].astype(str), return_counts=True)
        met = np.isfinite(speeds)
        five = np.percentile(speeds[met], [5.0, 50.0, 95.0]) if met.any() else np.full(3, np.nan)
        found.append(
            Point(
                float(magnitude), int(here.sum()), landed, *clopper_pearson(landed, int(here.sum())),
                outcomes={str(n): int(c) for n, c in zip(names, counts, strict=True)},
                vertical_speed_mps=(float(five[0]), float(five[1]), float(five[2])),
            )
        )  # fmt: skip
    return found
