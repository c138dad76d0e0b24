"""Campaigns as they are promised: killed workers, a full disk, a million rows, other machines."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from perilune.campaign import run as campaign_run
from perilune.campaign.batch import WIDTH
from perilune.campaign.build import build
from perilune.campaign.chunk import Rows
from perilune.campaign.evidence import Evidence
from perilune.campaign.plan import Plan
from perilune.campaign.pool import cores, spread
from perilune.campaign.run import Means, Tally, fly_campaign
from perilune.campaign.store import Store
from perilune.foundation.errors import UserError
from perilune.investigation.causes import READS, cause_of

from .report import Claim, Section

RUNS, LONG, MILLION = 10_000, 100_000, 1_000_000
KILLS = 20
DISK_RUNS = 1024
CLUSTER_RUNS = 2048
SMALL, LARGE = "6m", "64m"  # of the file system that fills up
BENCHED = Path(__file__).parent.parent / "benchmarks" / "results.json"
FOLDER = Path("out") / "validation-campaigns"
AS_COMMANDED = (cause_of, READS)  # the first cause of every lost run, as `perilune campaign` has it
STATIONS = (1_000, 10_000, LONG)


def plan() -> Plan:
    """The mission as it was flown in 2025, its return weak by 19 dB in place of 21.53: some land, some do not."""
    weak = (("range_finder.weak_return_db", 19.0),)
    return Plan("resilience", seed=2026, faults=weak, build=build())


def base() -> Evidence:
    """The runs that all others are held against: the first of the long campaign where that was flown, or flown here."""
    folder = FOLDER / "runs"
    fly_campaign(plan(), folder, RUNS, resume=Store(folder).read_head() is not None, explain=AS_COMMANDED)
    return Evidence(folder)


def children() -> list[int]:
    """This process's workers."""
    found = []
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        with suppress(OSError):  # gone meanwhile
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


@contextmanager
def hunted() -> Iterator[list[float]]:
    """Meanwhile a worker is killed at random moments; when, in seconds."""
    stop, killed, began = threading.Event(), [], time.perf_counter()

    def hunt() -> None:
        choice = random.Random(20)
        while len(killed) < KILLS and not stop.wait(choice.uniform(1.0, 20.0)):
            if victims := children():
                os.kill(choice.choice(victims), signal.SIGKILL)
                killed.append(time.perf_counter() - began)

    hunter = threading.Thread(target=hunt, daemon=True)
    hunter.start()
    try:
        yield killed
    finally:
        stop.set()
        hunter.join()


def whole(evidence: Evidence, wanted: Evidence, runs: int = RUNS) -> tuple[int, int, int]:
    """Runs that are missing, that are there twice, and whose digest is another."""
    numbers = evidence.column("run")
    missing = runs - len(np.intersect1d(numbers, np.arange(runs)))
    twice = len(numbers) - len(np.unique(numbers))
    others = int(np.sum(evidence.column("digest")[np.argsort(numbers)] != wanted.column("digest")[: len(numbers)]))
    return missing, twice, others


def killed_claim(wanted: Evidence) -> Claim:
    """A campaign whose workers are killed."""
    with tempfile.TemporaryDirectory() as folder, hunted() as killed:
        fly_campaign(plan(), Path(folder) / "killed", RUNS)
        found = whole(Evidence(Path(folder) / "killed"), wanted)
    text = f"{RUNS:,} runs, a worker killed (SIGKILL) at {len(killed)} random moments: missing, twice, of another digest"
    return Claim(text, ", ".join(str(x) for x in found), "0, 0, 0", "count", found == (0, 0, 0) and len(killed) == KILLS)


def dask(*words: str) -> subprocess.Popen:
    """A Dask process, as a user would start it."""
    command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cluster_study() -> Section:
    """A campaign by three workers of a Dask scheduler, one of them killed and one added half-way, against this machine's own."""
    with tempfile.TemporaryDirectory() as folder:
        fly_campaign(plan(), folder, CLUSTER_RUNS)
        claim = cluster_claim(Evidence(folder))
    return Section("Campaigns on other machines", claims=[claim])


def cluster_claim(wanted: Evidence) -> Claim:
    """What became of a cluster's runs."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "scheduler.json"
        processes = [dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))]
        while not (told.is_file() and "tcp://" in told.read_text()):
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        worker = ("worker", address, "--nthreads", "1", "--no-nanny")
        processes += [dask(*worker) for _ in range(3)]

        def watch(tally: Tally) -> None:
            if tally.runs >= CLUSTER_RUNS // 2 and len(processes) == 4:
                processes[1].kill()
                processes.append(dask(*worker))

        try:
            fly_campaign(plan(), Path(folder) / "c", CLUSTER_RUNS, means=Means(None, address), watch=watch)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        found = whole(Evidence(Path(folder) / "c"), wanted, CLUSTER_RUNS)
    text = (
        f"{CLUSTER_RUNS:,} runs by three workers of a Dask scheduler, one killed and one added half-way: missing, twice, of "
        "another digest"
    )
    return Claim(text, ", ".join(str(x) for x in found), "0, 0, 0", "count", found == (0, 0, 0) and len(processes) == 5)


def mount(*words: str) -> bool:
    """Whether a file system in memory could be mounted so."""
    try:
        return subprocess.run(["mount", *words], capture_output=True).returncode == 0
    except OSError:
        return False


def disk_claims(wanted: Evidence) -> list[Claim]:
    """A disk that fills up while a campaign writes to it, and is then made larger."""
    folder = Path(tempfile.mkdtemp())
    if not mount("-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)):
        return [Claim("a full disk", "not run: mounting a small file system needs root", "printed", "—")]
    try:
        said = ""
        try:
            fly_campaign(plan(), folder / "c", DISK_RUNS)
        except UserError as sentence:
            said = str(sentence)
        kept, left = len(Store(folder / "c").chunks()), len(list(folder.rglob("*.part")))
        mount("-o", f"remount,size={LARGE}", str(folder))
        fly_campaign(plan(), folder / "c", DISK_RUNS, resume=True)
        found = whole(Evidence(folder / "c"), wanted, DISK_RUNS)
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
    is_told = "No space left on device" in said and "--resume" in said
    return [
        Claim(f"a disk of {SMALL}iB: what is said", f"“…{said[-115:]}”", "a sentence", "count", is_told),
        Claim("chunks that were kept, half-written files", f"{kept}, {left}", "≥ 1, 0", "count", kept >= 1 and left == 0),
        Claim(f"the disk made larger and the campaign gone on with, {DISK_RUNS:,} runs: missing, twice, of another digest",
              ", ".join(str(x) for x in found), "0, 0, 0", "count", found == (0, 0, 0)),
    ]  # fmt: skip


def resident_gb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0**2


def passing(stations: tuple[int, ...], marks: list[tuple[int, float]]) -> Callable[[Tally], None]:
    """A watch that marks when each number of runs was reached; its first mark is now."""
    marks.append((0, time.perf_counter()))

    def watch(tally: Tally) -> None:
        for station in stations:
            if marks[-1][0] < station <= tally.runs:
                marks.append((station, time.perf_counter()))

    return watch


def seconds_a_run(marks: list[tuple[int, float]]) -> list[float]:
    """Between one mark and the next."""
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(marks)]


def stub_campaign(folders: tuple[str, str]) -> dict[str, Any]:
    """A million rows through the real campaign and its writer; the flights alone are the rows of one chunk over and over."""
    table = Store(folders[0]).read_part(0, Store(folders[0]).read_head()["digest"])  # type: ignore[index]
    assert table is not None
    columns = {name: table[name].to_numpy() for name in table.column_names}

    def flown(work: Any, tasks: list, workers: int | None) -> Generator[tuple[int, list[Rows]], None, None]:
        for k, task in enumerate(tasks):
            (chunk,) = task.chunks
            own = columns | {"run": np.arange(WIDTH * chunk, WIDTH * (chunk + 1))}
            yield k, [Rows(chunk, own, None, 1.0, "")]

    campaign_run.done_by_crew = flown
    marks: list[tuple[int, float]] = []
    began = time.perf_counter()
    tally = fly_campaign(plan(), folders[1], MILLION, watch=passing((*STATIONS, MILLION), marks))
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in Path(folders[1]).rglob("*.parquet")) / 1024.0**2
    own = seconds_a_run(marks)[1:]  # the first thousand hold the reading of the mission
    return {"runs": tally.runs, "seconds": seconds, "resident_gb": resident_gb(), "mib": size, "own": own}


def asked(folder: str) -> dict[str, float]:
    """What it takes to ask a campaign for its landing probability."""
    began = time.perf_counter()
    evidence = Evidence(folder)
    estimate = evidence.landing_probability()["estimate"]
    return {"estimate": estimate, "seconds": time.perf_counter() - began, "resident_gb": resident_gb()}


def read_back(folder: str) -> dict[str, float]:
    """What reading a campaign whole takes."""
    began = time.perf_counter()
    rows = len(Evidence(folder).table)
    return {"rows": rows, "seconds": time.perf_counter() - began, "resident_gb": resident_gb()}


def million_claims() -> list[Claim]:
    """A million rows, written and read."""
    with tempfile.TemporaryDirectory() as folder:
        (wrote,) = spread(stub_campaign, [(str(FOLDER / "runs"), f"{folder}/million")], 1)
        (few,) = spread(asked, [f"{folder}/million"], 1)
        (read,) = spread(read_back, [f"{folder}/million"], 1)
    landing = 1.0 / json.loads(BENCHED.read_text())["throughput"]["landings_per_s"]
    grown = (wrote["own"][-1] - wrote["own"][0]) / landing
    return [
        Claim(f"{MILLION:,} rows through the real campaign and writer, no flights: resident GB", f"{wrote['resident_gb']:.2f}",
              "≤ 3", "issue of memory", wrote["resident_gb"] <= 3.0 and wrote["runs"] == MILLION),
        Claim("seconds and MiB that they take", f"{wrote['seconds']:.0f}, {wrote['mib']:.0f}", "printed", "—"),
        Claim("a campaign's own work a run, µs: runs 1,000 to 10,000, to 100,000, to 1,000,000",
              ", ".join(f"{1e6 * seconds:.0f}" for seconds in wrote["own"]), "printed", "—"),
        Claim(f"what it grows by, of the {1e3 * landing:.0f} ms that a landing takes (benchmarks/results.json)", f"{grown:+.2%}",
              "≤ 5 %", "flat", grown <= 0.05),
        Claim("asking them for the landing probability: resident GB; seconds",
              f"{few['resident_gb']:.2f}; {few['seconds']:.0f}", "printed", "—"),
        Claim("reading them all back: resident GB; seconds", f"{read['resident_gb']:.2f}; {read['seconds']:.0f}", "printed", "—"),
    ]  # fmt: skip


def study() -> Section:
    """What a campaign promises, at full size."""
    wanted = base()
    p = wanted.landing_probability()
    return Section(
        "Campaigns that are disturbed",
        words=[
            f"`resilience` with a return weaker by 19 dB, seed 2026: {RUNS:,} landings, landing probability {p['estimate']:.4f} "
            f"({p['low']:.4f} … {p['high']:.4f}, {p['method']}), by {len(cores())} processes. `docs/integrity.md` says what is "
            "promised."
        ],
        claims=[
            Claim(f"{RUNS:,} runs undisturbed: missing, twice", "{}, {}".format(*whole(wanted, wanted)[:2]), "0, 0", "count",
                  whole(wanted, wanted)[:2] == (0, 0)),
            killed_claim(wanted),
            *disk_claims(wanted),
            *million_claims(),
        ],
    )  # fmt: skip
