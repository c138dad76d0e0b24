"""What this machine is and what it can do, whoever asks: a loop in Python, and products of float64 matrices."""

import os
import platform
import time
from unittest import mock

import numpy as np

from perilune.campaign.pool import cores, spread

SIZE, SECONDS = 2000, 3.0  # rows and columns of a matrix; for how long they are multiplied
STARTING_S = 5.0  # until all workers are there
# A product is worked out by one thread: each worker has one core, whatever the linear algebra thinks.
ALONE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")


def spin() -> float:
    """Best of three: what this machine needs for a loop that everybody can time on theirs."""

    def once() -> float:
        began, total = time.perf_counter(), 0
        for k in range(10_000_000):
            total += k * k
        return time.perf_counter() - began

    return min(once() for _ in range(3))


def described() -> dict[str, str | int | float]:
    """For a record of measurements."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": len(cores()),
        "python": platform.python_version(),
        "seconds for ten million additions in Python": spin(),
    }


def multiplied(start: float) -> float:
    """Floating-point operations a second of the fastest of many products of float64 matrices, on this worker's core from `start`
    (epoch, s) on. The fastest, for a peak that other work has pressed down would flatter whatever is divided by it."""
    a, b = np.random.default_rng(0).normal(size=(2, SIZE, SIZE))
    time.sleep(max(start - time.time(), 0.0))
    end, times = time.perf_counter() + SECONDS, []
    while time.perf_counter() < end:
        began = time.perf_counter()
        np.matmul(a, b)
        times.append(time.perf_counter() - began)
    return 2.0 * SIZE**3 / min(times)


def peak(workers: int | None = None) -> float:
    """Operations a second of float64 matrix products, one worker a core, all at once."""
    count = workers or len(cores())
    with mock.patch.dict(os.environ, ALONE):
        return sum(spread(multiplied, [time.time() + STARTING_S] * count, count))
