"""The same runs at other widths of batch, as other processors would fly them, and by the program that other devices fly."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from perilune.campaign.batch import WIDTH
from perilune.campaign.build import build
from perilune.campaign.chunk import fly_chunks
from perilune.campaign.evidence import Evidence
from perilune.campaign.jobs import EVERY
from perilune.campaign.plan import Plan, batch_of, chunks_of
from perilune.campaign.pool import spread
from perilune.campaign.run import fly_campaign
from perilune.campaign.statistics import paired_difference
from perilune.campaign.store import Store
from perilune.campaign.summary import rows
from perilune.interface.events import INDEX
from perilune.lanes import machine
from perilune.simulation import lane_flight
from perilune.simulation.lane_flight import ByXla
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

from .campaigns import FOLDER, RUNS, base, plan
from .report import Claim, Section

MOST_LISTED = 12


class Way(NamedTuple):
    """Another way to fly the same runs: its name, chunks of a task, words for XLA, how a process is made ready for it, and
    whether it finds what this processor built before (ground, programs)."""

    name: str
    chunks: int = 1
    flags: str = ""
    prepare: Callable[[], Any] = lambda: None
    is_at_home: bool = False


def as_processor(name: str) -> None:
    """Machine code for lanes as for another kind of processor."""

    def target() -> llvm.TargetMachine:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        triple = llvm.Target.from_default_triple()
        return triple.create_target_machine(cpu=name, features="", opt=2, reloc="pic", codemodel="small")

    machine.target = target
    machine.name_of = lambda text, own=machine.name_of: f"{name}-{own(text)}"


def as_avx2() -> None:
    """A processor of 2013: half as wide, with fused multiply-add."""
    as_processor("haswell")


def as_sse() -> None:
    """A processor of 2008: a quarter as wide, without it."""
    as_processor("nehalem")


def by_xla() -> None:
    """XLA's program, which a GPU flies."""
    lane_flight.take_off = lambda scenarios, last, record, **more: ByXla(scenarios, last, record, **more)
    from perilune.campaign import batch

    batch.take_off = lane_flight.take_off


WAYS = {
    "256 lanes": Way("256 lanes abreast in place of 128", chunks=2, is_at_home=True),
    "64 lanes": Way("64 lanes abreast", is_at_home=True),
    "AVX2": Way("a processor with AVX2 and no more (2013)", flags="--xla_cpu_max_isa=AVX2", prepare=as_avx2),
    "SSE": Way("a processor with SSE 4.2 and no fused multiply-add (2008)", flags="--xla_cpu_max_isa=SSE4_2", prepare=as_sse),
    "XLA": Way("XLA's program, which other devices fly", prepare=by_xla),
}


@lru_cache
def ready(name: str) -> None:
    """This process, made ready once."""
    WAYS[name].prepare()


def in_halves(of: Plan, chunk: int) -> dict[str, np.ndarray]:
    """A chunk as two batches of 64."""
    batch, runs, half = batch_of(of), of.runs(chunk), WIDTH // 2
    found = []
    for own in (runs[:half], runs[half:]):
        flown = batch.fly(own, recorder(BATCH_CHANNELS, True), EVERY, of.faults_of(batch.mission))
        found.append(figures(flown, [run for _, run in own], batch))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def figures(flown: Any, runs: list[int], batch: Any) -> dict[str, np.ndarray]:
    """What runs are held against each other by: outcome and events."""
    table = rows(flown, runs, batch.mission.requirements, EVERY, batch.mission.flight.period_s)
    names = ["outcome", *(f"{name}_s" for name in INDEX)]
    return {"run": np.asarray(runs)} | {name: np.asarray([row[name] for row in table]) for name in names}


def flown_so(task: tuple[str, Plan, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Chunks flown another way."""
    name, of, chunks = task
    ready(name)
    if name == "64 lanes":
        return in_halves(of, chunks[0])
    flights = fly_chunks(of, chunks)
    found = figures(flights.flown, [run for chunk in chunks for _, run in of.runs(chunk)], batch_of(of))
    return found | {"digest": np.asarray(flights.digests)}


def words_for(way: Way, cache: str) -> dict[str, str]:
    """What a way's processes are told: XLA's flags, and a cache of their own where another processor would build its ground."""
    flags = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {way.flags}".strip()}
    return flags if way.is_at_home else flags | {"XDG_CACHE_HOME": cache}


@contextmanager
def environment(words: dict[str, str]) -> Iterator[None]:
    """Variables that processes started meanwhile find set."""
    held = {name: os.environ.get(name) for name in words}
    os.environ.update(words)
    try:
        yield
    finally:
        for name, value in held.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def flown_by(name: str, of: Plan) -> dict[str, np.ndarray]:
    """All runs of a plan flown another way, in order."""
    way, chunks = WAYS[name], list(chunks_of(0, RUNS))
    parts = [tuple(chunks[k : k + way.chunks]) for k in range(0, len(chunks), way.chunks)]
    with TemporaryDirectory() as cache, environment(words_for(way, cache)):
        found = list(spread(flown_so, [(name, of, part) for part in parts]))
    return {key: np.concatenate([part[key] for part in found])[:RUNS] for key in found[0]}


def first_difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray], k: int) -> str:
    """The earliest event that two flights of a run do not share in its cycle, and when it was in each."""
    times = {name: (float(one[f"{name}_s"][k]), float(other[f"{name}_s"][k])) for name in INDEX}
    differing = {name: pair for name, pair in times.items() if not (pair[0] == pair[1] or np.isnan(pair).all())}
    if not differing:
        return "none: the verdict at rest"
    name = min(differing, key=lambda name: np.nanmin(differing[name]))
    return f"{name}, {differing[name][0]:.1f} s and {differing[name][1]:.1f} s"


def compared(of: Plan, evidence: Evidence, names: Iterable[str]) -> tuple[list[Claim], list[list[str]]]:
    """Claims on a plan's runs flown other ways, against the campaign's, and runs whose outcome differs."""
    wanted = {name: evidence.column(name) for name in ["outcome", "digest", *(f"{name}_s" for name in INDEX)]}
    landed, claims, listed = np.asarray(wanted["outcome"] == "landed", bool), [], []
    for name in names:
        way, found = WAYS[name], flown_by(name, of)
        equal = np.asarray(found["outcome"] == np.asarray(wanted["outcome"], str))
        same = f", {np.mean(found['digest'] == wanted['digest'].astype(str)):.1%} to the bit" if "digest" in found else ""
        d = paired_difference(np.asarray(found["outcome"] == "landed"), landed)
        claims.append(
            Claim(f"{way.name}: runs of the same outcome", f"{equal.mean():.3%} of {len(equal):,}{same}", "≥ 99.9 %", "campaign",
                  bool(equal.mean() >= 0.999))
        )  # fmt: skip
        claims.append(
            Claim("landing probability less the campaign's", f"{d.difference:+.5f} ({d.low:+.5f} … {d.high:+.5f})", "0 inside",
                  "paired interval", d.low <= 0.0 <= d.high)
        )  # fmt: skip
        for k in np.flatnonzero(~equal)[:MOST_LISTED]:
            listed.append(
                [name, str(k), str(wanted["outcome"][k]), str(found["outcome"][k]), first_difference(wanted, found, int(k))]
            )
    return claims, listed


def tables_of(listed: list[list[str]]) -> list:
    """The runs whose outcome differs, as a table if there are any."""
    return [(["way", "run", "campaign", "this way", "first event that differs"], listed)] if listed else []


def study() -> Section:
    """Outcomes of 10,000 runs by each way, against the campaign's."""
    claims, listed = compared(plan(), base(), WAYS)
    words = [
        f"The {RUNS:,} runs of the campaign above (128 lanes abreast, on {llvm.get_host_cpu_name()}), flown again. "
        "Other processors are this one, its compilers kept from what the other lacks, with ground built so too. A GPU flies "
        "XLA's program; none was at hand: `perilune campaign resilience --device gpu`, then `perilune compare`, measures it."
    ]
    return Section("Widths, processors and devices", words=words, claims=claims, tables=tables_of(listed))


def healthy_study() -> Section:
    """The same of a lander without a fault, by the two ways that turn outcomes where it stands on an edge."""
    of, folder = Plan("resilience", seed=2026, healthy=True, build=build()), FOLDER / "healthy"
    fly_campaign(of, folder, RUNS, resume=Store(folder).read_head() is not None)
    evidence = Evidence(folder)
    claims, listed = compared(of, evidence, ("SSE", "XLA"))
    p = evidence.landing_probability()
    words = [
        f"`resilience --healthy`, seed 2026: {RUNS:,} runs, landing probability {p['estimate']:.4f}; by the two ways above that "
        "differ most from this one: without fused multiply-add, and by another compiler."
    ]
    return Section("Other processors and devices, without a fault", words=words, claims=claims, tables=tables_of(listed))
