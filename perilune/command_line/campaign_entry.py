"""The Python entry point of campaigns."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perilune.foundation.errors import UserError

if TYPE_CHECKING:
    from perilune.campaign.evidence import Evidence
    from perilune.campaign.tally import Tally


def fly_campaign(
    mission: str | Path,
    runs: int | None = None,
    seed: int = 0,
    *,
    healthy: bool = False,
    faults: dict[str, Any] | None = None,
    priors: str | Path | None = None,
    overrides: dict[str, Any] | None = None,
    until_halfwidth: float | None = None,
    beginning: str = "pdi",
    design: str = "random",
    workers: int | None = None,
    device: str = "auto",
    scheduler: str = "",
    out: str | Path | None = None,
    watch: "Callable[[Tally], None] | None" = None,
) -> "Evidence":
    """Fly many landings of a mission and return what came of them: `.runs`, `.landing_probability()`, `.causes()`,
    `.sensitivity()`.

    `mission`: a built-in name or the path of a mission file. `runs`: how many (1,024), or `until_halfwidth`: until the landing
    probability is known to ± this at 95 %. `seed`: of all runs; run k hangs on the mission, the build, the seed and k alone.
    `healthy`, `faults`, `overrides`, `beginning`: as `fly` has them. `priors`: the path of a table of what may fail by chance.
    `design`: how runs are laid out, “random”, “lhs” or “sobol”. `workers`: processes, one a core (default: all cores).
    `device`: “cpu”, “gpu”, or “auto”, the GPU where JAX sees one. `scheduler`: a Dask scheduler's address, whose workers fly.
    `out`: a folder, or an address that fsspec knows (out/campaign-…); what is there of the same campaign is not flown again.
    `watch`: shown the tally after every chunk of 128. Raises UserError with one sentence for a mistake in any of them.
    """
    from perilune.campaign.evidence import Evidence
    from perilune.campaign.plan import frozen
    from perilune.campaign.run import Means
    from perilune.campaign.run import fly_campaign as fly
    from perilune.campaign.store import Store
    from perilune.foundation.compilation import use_cache
    from perilune.investigation.causes import READS, cause_of

    from .campaigning import Broken, Layout, default_folder, how_many, plan_of

    if not isinstance(mission, str | Path):
        raise UserError(
            "A campaign's mission is a name or the path of a mission file, which its workers read: write it to a file."
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError(f"seed = {seed!r}: a seed is a whole number from 0 to 4294967295.")
    use_cache()
    broken, length = Broken(healthy, frozen(faults or {}), Path(priors) if priors else None), how_many(runs, until_halfwidth)
    plan = plan_of(str(mission), seed, broken, overrides or {}, Layout(beginning, design, device), length)
    target = out or default_folder(plan)
    is_there = Store(target).read_head() is not None
    fly(plan, target, length, is_there, Means(workers, scheduler), (cause_of, READS), watch)
    return Evidence(target)
