"""Worker processes for batches: one a core, pinned where the system allows, each with its own XLA device."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def cores() -> list[int]:
    """The cores that this process may use."""
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return list(range(os.cpu_count() or 1))


def settle(queue) -> None:
    """First thing in a worker, before JAX starts: take one core, and only that."""
    not_orphaned()
    pinned(queue.get())


def not_orphaned() -> None:
    """End this process when the one that gives the tasks is gone, killed perhaps: nobody waits for what it does."""
    giver = multiprocessing.parent_process()

    def watch() -> None:
        if giver is not None:
            giver.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def pinned(core: int) -> None:
    """Keep this process on one core, off any GPU, and its programs in the user's cache."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    from perilune.foundation.compilation import use_cache, use_processor

    use_processor()
    use_cache()


def spread(work: Callable[[Any], Any], tasks: Sequence[Any], workers: int | None = None) -> Iterator[Any]:
    """Results of `work` on each task, in order, from as many worker processes as there are cores.

    `work` must be importable by name. A worker that dies raises here; nothing is retried.
    """
    chosen = cores()[: workers or None]
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    for core in chosen:
        queue.put(core)
    with ProcessPoolExecutor(len(chosen), context, initializer=settle, initargs=(queue,)) as pool:
        yield from pool.map(work, tasks)
