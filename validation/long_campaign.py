"""A hundred thousand landings in one go, by turns with a campaign that begins: whether one that is long flies slower."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from perilune.campaign.batch import WIDTH
from perilune.campaign.pool import cores
from perilune.campaign.run import Tally, fly_campaign

from .campaigns import AS_COMMANDED, FOLDER, LONG, children, plan
from .report import Claim, Section

TURN = 8  # chunks that each flies in its turn
WARM = 4  # chunks of a campaign that begins, in which its workers start
EARLY, LATE = (8, 6), (684, 12)  # chunks of the long campaign before its turns, and how many turns
STATIONS = (8, 80, 160, 240, 320, 400, 480, 560, 640, 720, -(-LONG // WIDTH))  # chunks at which it is looked at


def send(signal_number: int, processes: list[int]) -> None:
    """A signal to those of these processes that there still are."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal_number)


@contextmanager
def held(processes: list[int]) -> Iterator[None]:
    """Meanwhile these processes do nothing."""
    try:
        send(signal.SIGSTOP, processes)
        yield
    finally:
        send(signal.SIGCONT, processes)


def memory_gb(process: int) -> float:
    """What a process has of the memory now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024.0**3


def chunks_of(tally: Tally) -> int:
    """How many chunks are there."""
    return -(-tally.runs // WIDTH)


def not_left(others: list[int]) -> None:
    """End this process with the one that began it, and let nobody be held then: not its workers, not those of this process."""
    giver = multiprocessing.parent_process()
    assert giver is not None

    def watch() -> None:
        giver.join()
        send(signal.SIGCONT, [*others, *children()])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def begin_anew(turns: int, other: Connection, others: list[int]) -> None:
    """The same campaign from its first run on: it starts its workers, then flies when it has the turn and tells its seconds."""
    not_left(others)
    since = time.perf_counter()

    def watch(tally: Tally) -> None:
        nonlocal since
        done = chunks_of(tally) - WARM
        if done < 0 or done % TURN:
            return
        with held(children()):
            other.send(time.perf_counter() - since)
            if done < TURN * turns:
                other.recv()
        since = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        runs = WIDTH * (WARM + TURN * turns)
        fly_campaign(plan(), Path(folder) / "begun", runs, explain=AS_COMMANDED, watch=watch)


@dataclass
class Turns:
    """Where the long campaign was held for the other, in chunks, and seconds a run of the two, turn by turn."""

    first: int
    long: list[float] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)

    def slower(self) -> tuple[float, float]:
        """By how much the time per run of the long campaign is over that of the other, and the standard error of it."""
        ratios = np.asarray(self.long) / np.asarray(self.begun)
        return float(ratios.mean()) - 1.0, float(ratios.std(ddof=1) / np.sqrt(len(ratios)))


@dataclass
class Look:
    """At a station: chunks, seconds that the campaign had flown, GB of the process that gives the tasks and of a worker."""

    chunks: int
    seconds: float
    giver_gb: float
    worker_gb: float


@dataclass
class ByTurns:
    """A watch that looks at the campaign at its stations, and has one that begins fly by turns with it twice."""

    began: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    looks: list[Look] = field(default_factory=list)
    turns: list[Turns] = field(default_factory=list)
    ahead: list[tuple[int, int]] = field(default_factory=lambda: [EARLY, LATE])
    left: int = 0  # turns
    since: float = 0.0  # when this turn began
    other_giver: int | None = None

    def workers(self) -> list[int]:
        """The campaign's own."""
        return [process for process in children() if process != self.other_giver]

    def now(self) -> float:
        """Seconds that the campaign has flown."""
        return time.perf_counter() - self.began - self.waited

    def __call__(self, tally: Tally) -> None:
        """Look, and give the turn to the other, where it is time."""
        chunks = chunks_of(tally)
        if chunks in STATIONS:
            workers = max((memory_gb(process) for process in self.workers()), default=0.0)
            self.looks.append(Look(chunks, self.now(), memory_gb(os.getpid()), workers))
        if self.ahead and chunks == self.ahead[0][0]:
            self.start(chunks, self.ahead.pop(0)[1])
        elif self.turns and self.left and (chunks - self.turns[-1].first) % TURN == 0:
            self.turns[-1].long.append((self.now() - self.since) / (WIDTH * TURN))
            self.pass_turn()

    def start(self, chunks: int, turns: int) -> None:
        """Begin the other campaign, and wait until its workers have started."""
        since, workers = time.perf_counter(), self.workers()
        with held(workers):
            self.other, theirs = multiprocessing.Pipe()
            spawn = multiprocessing.get_context("spawn")
            self.process = spawn.Process(target=begin_anew, args=(turns, theirs, workers))
            self.process.start()
            self.other_giver = self.process.pid
            theirs.close()
            self.other.recv()  # its first seconds are those of its workers' start
        self.turns.append(Turns(chunks))
        self.left = turns
        self.waited += time.perf_counter() - since
        self.since = self.now()

    def pass_turn(self) -> None:
        """The other's turn."""
        since = time.perf_counter()
        with held(self.workers()):
            self.other.send(None)
            self.turns[-1].begun.append(self.other.recv() / (WIDTH * TURN))
            self.left -= 1
            if not self.left:
                with closing(self.other):
                    self.process.join()
        self.waited += time.perf_counter() - since
        self.since = self.now()


def words(tally: Tally) -> list[str]:
    """What was flown."""
    p = tally.probability()
    return [
        f"The same plan, {LONG:,} landings by {len(cores())} processes: landing probability {p['estimate']:.4f} "
        f"({p['low']:.4f} … {p['high']:.4f}, {p['method']}). Each lost run's first cause is worked out, as `perilune "
        "campaign` does.",
        f"A machine drifts in half an hour, so near its end, from run {WIDTH * LATE[0]:,} on, the campaign flies by turns with "
        f"the same campaign begun anew in other processes: {WIDTH * TURN:,} runs each, {LATE[1]} times, the workers of one held "
        f"while the other flies. From run {WIDTH * EARLY[0]:,} on, {EARLY[1]} times, says what measuring so adds itself. What "
        "slows both alike is not seen by it; the second table, by the clock, would show that, and drift with it. An earlier "
        "measurement, by the clock alone, had +10.7 % (commit d52e10c06c).",
    ]


def study() -> Section:
    """Memory and time per run of a campaign as it grows."""
    folder = FOLDER / "runs"
    shutil.rmtree(folder, ignore_errors=True)
    watch = ByTurns()
    tally = fly_campaign(plan(), folder, LONG, explain=AS_COMMANDED, watch=watch)
    (early, error_then), (growth, error) = (turns.slower() for turns in watch.turns)
    stretches = [
        (WIDTH * a.chunks, WIDTH * b.chunks, WIDTH * (b.chunks - a.chunks) / (b.seconds - a.seconds))
        for a, b in pairwise(watch.looks)
    ]
    rest = WIDTH * (watch.looks[-1].chunks - watch.looks[1].chunks) / (watch.looks[-1].seconds - watch.looks[1].seconds)
    first, last = watch.looks[0], watch.looks[-2]  # at the last one, a worker may be gone
    giver, worker = last.giver_gb / first.giver_gb - 1.0, last.worker_gb / first.worker_gb - 1.0
    by_turn = [
        [f"{WIDTH * (turns.first + TURN * k):,}", f"{1.0 / long:.1f}", f"{1.0 / begun:.1f}", f"{long / begun:.3f}"]
        for turns in watch.turns
        for k, (long, begun) in enumerate(zip(turns.long, turns.begun, strict=True))
    ]
    return Section(
        "A hundred thousand landings",
        words=words(tally),
        claims=[
            Claim(f"time per run from run {WIDTH * LATE[0]:,} on over that of a campaign that begins, by turns, less one",
                  f"{growth:+.1%} ± {error:.1%} (standard error)", "≤ 5 %", "flat", growth <= 0.05),
            Claim(f"the same from run {WIDTH * EARLY[0]:,} on", f"{early:+.1%} ± {error_then:.1%}", "printed", "—"),
            Claim(f"time per run by the clock, runs {stretches[1][0]:,} to {LONG:,} over runs {stretches[0][0]:,} to "
                  f"{stretches[0][1]:,}, less one", f"{stretches[0][2] / rest - 1.0:+.1%}", "printed", "—"),
            Claim(f"memory of the process that gives the tasks, GB, at {WIDTH * first.chunks:,} and {WIDTH * last.chunks:,} runs",
                  f"{first.giver_gb:.2f}, {last.giver_gb:.2f}", "≤ 3, ≤ 10 % more", "flat",
                  last.giver_gb <= 3.0 and giver <= 0.1),
            Claim("memory of the largest worker, GB, there", f"{first.worker_gb:.2f}, {last.worker_gb:.2f}", "≤ 10 % more",
                  "flat", worker <= 0.1),
        ],
        tables=[
            (["from run", "landings/s", "landings/s of one that begins", "time per run over the other's"], by_turn),
            (["runs", "landings/s by the clock"], [[f"{a:,} to {b:,}", f"{rate:.1f}"] for a, b, rate in stretches]),
        ],
    )  # fmt: skip
