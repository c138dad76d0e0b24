"""Tasks done by the workers of a Dask scheduler: other machines, which may come and go."""

import pickle
import re
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any

from perilune.foundation.errors import UserError

from .build import build, check_build

PATIENCE_S = 10  # for a scheduler to answer
COMING_S = 60  # for the first worker to come
START = "start workers with `dask worker ADDRESS --nthreads 1 --nworkers N`"


def client_of(address: str) -> Any:
    """A connexion to a scheduler that has a worker. Raises UserError."""
    if not re.fullmatch(r"[a-z]+://[^/\s]+:\d+/?", address):
        raise UserError(f"--scheduler {address}: give it as tcp://HOST:PORT, as `dask scheduler` prints it.")
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--scheduler needs Dask: pip install 'perilune[cluster]'.") from None
    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as problem:
        raise UserError(
            f"No scheduler answers at {address} ({type(problem).__name__}): start one with `dask scheduler`, or fly on this "
            "machine without --scheduler."
        ) from None
    try:
        client.wait_for_workers(1, timeout=COMING_S)
    except TimeoutError:
        client.close()
        raise UserError(f"The scheduler at {address} has had no worker for {COMING_S} s: {START}.") from None
    return client


def done_by_cluster(work: Callable[[Any], Any], tasks: Sequence[Any], address: str) -> Generator[tuple[int, Any], None, None]:
    """Number and result of each task as it is done by a scheduler's workers. A worker that is lost has its tasks done by others;
    one that comes gets some.

    Raises UserError where there is no scheduler or worker, where one task has killed several workers, and whatever `work` raises.
    """
    client = client_of(address)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        try:
            yield from results(client, work, tasks, address)
        finally:
            client.close()


def unpacked(build: str, packed: bytes) -> Any:
    """Work and task, done: on a worker, which must have this same build to know what they are."""
    check_build(build)
    work, task = pickle.loads(packed)
    return work(task)


def results(client: Any, work: Callable, tasks: Sequence[Any], address: str) -> Generator[tuple[int, Any], None, None]:
    """As `done_by_cluster`, over a connexion. Results are let go as soon as they are told: the scheduler holds no campaign."""
    from distributed import CancelledError, KilledWorker, as_completed

    futures = client.map(unpacked, [build()] * len(tasks), [pickle.dumps((work, task)) for task in tasks], pure=False)
    numbers = {future.key: k for k, future in enumerate(futures)}
    going = as_completed(futures, loop=client.loop, with_results=True, raise_errors=False)
    del futures
    for future, result in going:
        k = numbers[future.key]
        if future.status == "error":
            problem = future.exception()
            if isinstance(problem, KilledWorker):
                times = problem.allowed_failures + 1
                raise UserError(f"Task {k} ended {times} workers, one after the other: is memory short? Go on with --resume.")
            if isinstance(problem, ImportError | AttributeError):
                raise UserError(f"A worker does not know the task ({problem}): install Perilune there, of this version.")
            raise problem
        if future.status == "cancelled" or isinstance(result, CancelledError):
            raise UserError(f"The scheduler at {address} was lost, or dropped task {k}: go on with --resume.")
        yield k, result
        del future, result
