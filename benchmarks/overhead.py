"""What a campaign adds to bare flight: where the time of a chunk of 128 runs goes, in a worker that has compiled everything."""

import pickle
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import jax

from perilune.campaign import batch, chunk
from perilune.campaign.batch import Batch
from perilune.campaign.chunk import TRACKED, Task, fly_task
from perilune.campaign.plan import Plan, digest_of
from perilune.campaign.pool import spread
from perilune.campaign.store import Store
from perilune.campaign.tally import Tally
from perilune.investigation.causes import READS, cause_of

CHUNKS = 3  # measured, after one that is not
GOAL_PERCENT = 10.0
FLIGHT, SETTLING = "flight", "settling on the ground"
REST = "verdicts, digests and rows"
# Parts of a chunk's work: where a name is looked up.
PARTS = {
    (chunk, "normals_of"): "sampling and preparing",
    (Batch, "prepared"): "sampling and preparing",
    (Batch, "fly_on"): FLIGHT,
    (batch, "settle_lanes"): SETTLING,
}


class Stopwatch:
    """Seconds by part; what a part calls is its own part."""

    def __init__(self):
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.running: list[str] = []
        self.since = 0.0

    def lap(self) -> None:
        """Give the time since the last lap to the part that runs."""
        now = time.perf_counter()
        if self.running:
            self.seconds[self.running[-1]] += now - self.since
        self.since = now

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Time what is done meanwhile."""
        self.lap()
        self.running.append(part)
        try:
            yield
        finally:
            self.lap()
            self.running.pop()

    def timed(self, part: str, work: Callable) -> Callable:
        """`work`, timed until its results are there."""

        def timed_work(*args, **kwargs):
            with self.on(part):
                return jax.block_until_ready(work(*args, **kwargs))

        return timed_work


def fly(task: Task, store: Store, tally: Tally, watch: Stopwatch) -> None:
    """All that a campaign does for one chunk, in the worker and in the process that gives it out."""
    with ExitStack() as stack:
        for (place, name), part in PARTS.items():
            stack.enter_context(mock.patch.object(place, name, watch.timed(part, getattr(place, name))))
        with watch.on(REST):
            rows = fly_task(task)
    with watch.on("sending, writing"):
        rows = pickle.loads(pickle.dumps(rows))
        for part in rows:
            store.write_part(part.chunk, part.columns, digest_of(task.plan))
    with watch.on("statistics"):
        for part in rows:
            tally.add(part.columns, is_new=True)
        tally.as_json()


def timed_chunks(_: None) -> tuple[dict[str, float], float, float]:
    """Seconds a chunk by part, without causes; how many more a chunk takes with them, flown by turns; and this process's most
    memory, MiB."""
    plan, tally, bare, whole = Plan("resilience"), Tally(2 * CHUNKS * batch.WIDTH), Stopwatch(), Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        with store.locked():
            for k in range(CHUNKS + 1):
                if k == 1:  # everything is compiled
                    bare, whole = Stopwatch(), Stopwatch()
                at = TRACKED + 2 * k
                fly(Task(plan, (at,)), store, tally, bare)
                fly(Task(plan, (at + 1,), "", cause_of, READS), store, tally, whole)
    seconds = {part: seconds / CHUNKS for part, seconds in bare.seconds.items()}
    more = sum(whole.seconds.values()) / CHUNKS - sum(seconds.values())
    return seconds, more, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def measure() -> dict[str, Any]:
    """Seconds a chunk by part, and what the campaign's own work is of the flight's, in per cent."""
    found, causes, memory = next(iter(spread(timed_chunks, [None], workers=1)))
    bare = found[FLIGHT] + found[SETTLING]
    percent = 100.0 * (sum(found.values()) - bare) / bare
    return {
        **{f"{part}, s a chunk": seconds for part, seconds in found.items()},
        "the causes of lost runs (here all), s a chunk more": causes,
        "a campaign over bare flight (flight and settling), %": percent,
        "causes of lost runs over bare flight, %": 100.0 * causes / bare,
        "peak memory of a worker, MiB": memory,
        "goal": f"at most {GOAL_PERCENT:g} % without causes: {'met' if percent <= GOAL_PERCENT else 'not met'}",
    }
