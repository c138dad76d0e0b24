"""Landings per second on a GPU, one process and wide batches: `python -m benchmarks.gpu`."""

import time

import jax
from rich.console import Console

from perilune.campaign.batch import Batch
from perilune.foundation.compilation import use_cache
from perilune.simulation.load import load
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

WIDTHS = (1024, 8192)  # lanes
NONE_HERE = "not measured: no GPU here; where JAX sees one, `python -m benchmarks.gpu` measures it"


def measure() -> dict[str, float | str]:
    """Landings per second by width; a sentence where JAX sees no GPU."""
    if jax.default_backend() == "cpu":
        return {"landings_per_s": NONE_HERE}
    found: dict[str, float | str] = {"device": jax.devices()[0].device_kind}
    for width in WIDTHS:
        found |= of_width(width)
    return found


def of_width(width: int) -> dict[str, float]:
    """Compile on a first batch, then time a second one; preparing and settling are in it, as on cores."""
    batch, record = Batch(load("resilience")), recorder(BATCH_CHANNELS, True)
    began = time.perf_counter()
    batch.fly(range(width), record, 10)
    first = time.perf_counter() - began
    began = time.perf_counter()
    batch.fly(range(width, 2 * width), record, 10)
    rate = width / (time.perf_counter() - began)
    return {f"first_batch_s, {width} lanes": first, f"landings_per_s, {width} lanes": rate}


def main() -> None:
    """Print it; nothing is recorded."""
    use_cache()
    for name, value in measure().items():
        Console().print(f"{name}  {value if isinstance(value, str) else f'{value:,.2f}'}", markup=False)


if __name__ == "__main__":
    main()
