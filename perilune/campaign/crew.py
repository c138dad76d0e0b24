"""Worker processes that may die: each core has its own, and when one is gone another takes its place and its task."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from perilune.foundation.errors import UserError

from .pool import cores, not_orphaned, pinned

TRIES = 5  # of a task whose worker dies under it


def enlisted(core: int) -> None:
    """First thing in a worker: Ctrl-C is for the process that gives the tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    not_orphaned()
    pinned(core)


@contextmanager
def without_main() -> Iterator[None]:
    """Processes that begin here do not run the user's script again: it need not guard itself, and what they do is ours."""
    main = sys.modules["__main__"]
    held = {name: getattr(main, name) for name in ("__file__", "__spec__") if getattr(main, name, None) is not None}
    for name in held:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in held.items():
            setattr(main, name, value)


class Post:
    """One core's worker: a pool of one process, begun anew when the process is gone."""

    def __init__(self, core: int):
        self.core = core
        self.pool = self.begun()

    def begun(self) -> ProcessPoolExecutor:
        """A fresh process on this core."""
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=enlisted, initargs=(self.core,))

    def give(self, work: Callable[[Any], Any], task: Any) -> Future:
        """Have a task done; the first one begins the process."""
        with without_main():
            try:
                return self.pool.submit(work, task)
            except OSError as problem:
                raise UserError(
                    f"No worker process can be started: {problem.strerror or problem}. Go on with --resume."
                ) from None

    def renew(self) -> None:
        """Another process in the place of one that died."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.pool = self.begun()

    def dismiss(self) -> None:
        """End the process at once: what it is at is not needed."""
        processes = list((self.pool._processes or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def done_by_crew(
    work: Callable[[Any], Any], tasks: Sequence[Any], workers: int | None = None
) -> Generator[tuple[int, Any], None, None]:
    """Number and result of each task as it is done, from a process a core; a worker that dies has its task done by another.

    Raises UserError where one task has killed several workers, and whatever `work` raises.
    """
    posts = [Post(core) for core in cores()[: workers or None]][: max(len(tasks), 1)]
    waiting, tries = list(range(len(tasks)))[::-1], [0] * len(tasks)
    busy: dict[Future, tuple[Post, int]] = {}

    def give(post: Post) -> None:
        if waiting:
            k = waiting.pop()
            tries[k] += 1
            try:
                future = post.give(work, tasks[k])
            except BrokenProcessPool:  # it died while it had nothing to do
                post.renew()
                future = post.give(work, tasks[k])
            busy[future] = post, k

    try:
        for post in posts:
            give(post)
        while busy:
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                post, k = busy.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    if tries[k] >= TRIES:
                        raise UserError(
                            f"Task {k} ended {TRIES} worker processes, one after the other: is memory short? "
                            "Run again with fewer workers."
                        ) from None
                    waiting.append(k)
                    post.renew()
                else:
                    yield k, result
                give(post)
    finally:
        for post in posts:
            post.dismiss()
