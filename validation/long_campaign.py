"""A hundred thousand landings in one go, by turns with a campaign that begins: whether one that is long flies slower."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from perilune.campaign.pool import cores
from perilune.campaign.run import Tally, fly_campaign

from .campaigns import AS_COMMANDED, FOLDER, LONG, children, passing, plan, resident_gb, seconds_a_run
from .report import Claim, Section

STOPS = (1_024, *range(10_240, LONG, 10_240), LONG)  # whole chunks by two workers
FRESH = (512, 2_560)  # runs of a campaign that begins: the first hold the start of its workers


def begun_anew(_: int) -> float:
    """Seconds a run of the first runs of the same campaign, flown by processes that begin now."""
    marks: list[tuple[int, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        fly_campaign(plan(), Path(folder) / "fresh", FRESH[1], explain=AS_COMMANDED, watch=passing(FRESH, marks))
    return seconds_a_run(marks)[1]


@contextmanager
def held(processes: list[int]) -> Iterator[None]:
    """Meanwhile these processes do nothing."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def worker_gb() -> float:
    """The memory of the largest worker as it is now."""
    pages = [int(Path(f"/proc/{process}/statm").read_text().split()[1]) for process in children()]
    return max(pages) * os.sysconf("SC_PAGE_SIZE") / 1024.0**3


@dataclass
class Stop:
    """Where a long campaign was held: runs by then, seconds that it had flown, GB of its process and of its largest worker,
    seconds a run of the campaign that began beside it."""

    runs: int
    seconds: float
    own_gb: float
    worker_gb: float
    fresh: float


@dataclass
class ByTurns:
    """A watch that holds the campaign at each stop, and has the campaign that begins fly there."""

    began: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    stops: list[Stop] = field(default_factory=list)

    def __call__(self, tally: Tally) -> None:
        """Where a stop is reached, stop."""
        if len(self.stops) == len(STOPS) or tally.runs < STOPS[len(self.stops)]:
            return
        now = time.perf_counter()
        memory = resident_gb(), worker_gb()
        with held(children()), ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
            fresh = other.submit(begun_anew, 0).result()
        self.stops.append(Stop(tally.runs, now - self.began - self.waited, *memory, fresh))
        self.waited += time.perf_counter() - now


@dataclass
class Stretch:
    """Runs between two stops: seconds a run of the long campaign, and of those that began before and after it."""

    first: int
    last: int
    long: float
    fresh: float

    @property
    def ratio(self) -> float:
        """Time per run over that of a campaign that begins."""
        return self.long / self.fresh


def stretches(stops: list[Stop]) -> list[Stretch]:
    """What lies between the stops."""
    return [
        Stretch(a.runs, b.runs, (b.seconds - a.seconds) / (b.runs - a.runs), (a.fresh + b.fresh) / 2.0)
        for a, b in pairwise(stops)
    ]


def growth_of(found: list[Stretch]) -> tuple[float, float]:
    """By how much the time per run in the later stretches is over that of the first: against the campaigns that began, by the
    clock alone."""
    ratios, seconds = [x.ratio for x in found], [x.long for x in found]
    return float(np.mean(ratios[1:])) / ratios[0] - 1.0, float(np.mean(seconds[1:])) / seconds[0] - 1.0


def study() -> Section:
    """Memory and time per run of a campaign as it grows."""
    folder = FOLDER / "runs"
    shutil.rmtree(folder, ignore_errors=True)
    watch = ByTurns()
    tally = fly_campaign(plan(), folder, LONG, explain=AS_COMMANDED, watch=watch)
    found, p = stretches(watch.stops), tally.probability()
    growth, by_the_clock = growth_of(found)
    last, first = watch.stops[-1], watch.stops[0]
    rows = [[f"{x.first:,} to {x.last:,}", f"{1.0 / x.long:.1f}", f"{1.0 / x.fresh:.1f}", f"{x.ratio:.3f}"] for x in found]
    return Section(
        "A hundred thousand landings",
        words=[
            f"The same plan, {LONG:,} landings by {len(cores())} processes: landing probability {p['estimate']:.4f} "
            f"({p['low']:.4f} … {p['high']:.4f}, {p['method']}). Each lost run's first cause is worked out, as `perilune "
            "campaign` does.",
            f"A machine drifts in half an hour, so the campaign is held at {len(STOPS)} stops, and there the same campaign "
            f"begins anew in other processes: its runs {FRESH[0]:,} to {FRESH[1]:,} are the measure of the stretches before and "
            "after.",
        ],
        claims=[
            Claim(f"time per run beside a campaign that begins: runs {found[1].first:,} to {last.runs:,} over runs "
                  f"{found[0].first:,} to {found[0].last:,}, less one", f"{growth:+.1%}", "≤ 5 %", "flat", growth <= 0.05),
            Claim("the same by the clock alone, drift of the machine within it", f"{by_the_clock:+.1%}", "printed", "—"),
            Claim(f"memory of the process that gives the tasks, GB, after {first.runs:,} and {last.runs:,} runs",
                  f"{first.own_gb:.2f}, {last.own_gb:.2f}", "≤ 3", "flat", last.own_gb <= 3.0),
            Claim("memory of the largest worker, GB, there", f"{first.worker_gb:.2f}, {last.worker_gb:.2f}", "printed", "—"),
        ],
        tables=[(["runs", "landings/s", "landings/s of one that begins", "time per run, long over begun"], rows)],
    )  # fmt: skip
