"""One run of a campaign again, with its whole history, and the proof that it is the same run."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from perilune.assessment.flight import Flight
from perilune.foundation.errors import UserError

from .batch import WIDTH, Flown
from .chunk import check_device, fly_chunks
from .one import fly_lane
from .plan import FORMAT, READABLE, Plan, batch_of, frozen, read_anew
from .priors import priors_back
from .run import changed_since
from .store import Store


def plan_of(head: dict[str, Any]) -> Plan:
    """The plan that a campaign's head tells."""
    try:
        return plan_told(head["plan"])
    except (KeyError, TypeError, ValueError) as problem:
        raise UserError(f"campaign.json is not whole: its plan lacks {problem}. Fly a new campaign.") from None


def plan_told(said: dict[str, Any]) -> Plan:
    """A plan from its table. Raises KeyError and the like for what is missing."""
    return Plan(
        mission=said["mission"],
        seed=said["seed"],
        healthy=said["healthy"],
        faults=frozen(said["faults"]),
        values=frozen(said["values"]),
        beginning=said["beginning"],
        design=said["design"],
        length=said["length"],
        build=said["build"],
        priors=priors_back(said["priors"]),
        device=said["device"],
    )


def campaign_head(store: Store, is_read_only: bool = False) -> dict[str, Any]:
    """A campaign's head; one of an older version to read alone, with a warning. Raises UserError where the folder holds none."""
    head = store.read_head(READABLE if is_read_only else (FORMAT,))
    if head is None:
        raise UserError(f"{store.folder} holds no campaign: campaign.json is missing.")
    if head["format"] != FORMAT:
        warnings.warn(
            f"{store.folder} was flown by an older version (format {head['format']}; this one writes {FORMAT}): its rows are "
            "read, with the names of then; it cannot be replayed or gone on with.",
            stacklevel=2,
        )
    return head


def row_digest(store: Store, head: dict[str, Any], run: int) -> str:
    """The digest of a run's row. Raises UserError where the campaign has no such run."""
    counted = head.get("result", {}).get("runs", run + 1)  # one that is under way has the runs that are there
    table = store.read_part(run // WIDTH, head["digest"]) if 0 <= run < counted else None
    slot = run % WIDTH
    if table is None:
        raise UserError(f"{store.folder} has no run {run}: its runs are counted from 0.")
    return str(table["digest"][slot].as_py())


def fly_again(folder: str | Path, run: int, build: str = "") -> Flight:
    """Run `run` of a campaign with full history, its digest that of the row.

    The whole chunk flies again, in its own slots, and its row's digest must match; then the lane alone, recorded every cycle,
    must meet the ground in the same state to the last bit, its events in the same cycles. Raises UserError where
    either does not, or the mission has changed.
    """
    read_anew()
    store = Store(folder)
    head = campaign_head(store)
    plan, wanted = plan_of(head), row_digest(store, head, run)
    if found := changed_since(head, plan):
        raise UserError(f"The mission is not the one that {folder} was flown with: {found}. Put it back, or fly a new campaign.")
    check_device(plan.device)
    group = plan.group(run // WIDTH)
    flights = fly_chunks(plan, group, tuple(head.get("traced", ())))
    slot = run - WIDTH * group.start
    if flights.digests[slot] != wanted:
        raise UserError(
            f"Run {run} flew otherwise this time: digest {flights.digests[slot][:12]} for {wanted[:12]}. The campaign was flown "
            f"by {plan.build or 'an unnamed build'}, this is {build or 'an unnamed build'}; another processor or version of JAX "
            "or LLVM moves last bits too."
        )
    batch = batch_of(plan)

    def proof(alone: Flown) -> None:
        if last_state(alone, 0) == last_state(flights.flown, slot):
            return
        if plan.device == "cpu":
            raise UserError(f"Run {run}, flown alone, did not end where it ended among the others.")
        warnings.warn(
            f"Run {run} among the others is the same to the bit; flown alone, for its history, its last bits differ, as they may "
            f"on a {plan.device}.",
            stacklevel=2,
        )

    ready, faults = flights.ready.lanes([slot]), plan.faults_of_run(batch.mission, run)
    flight = fly_lane(batch, lambda: ready, plan.seed, faults, proof=proof)
    return replace(flight, outcome=flights.outcomes[slot], digest=wanted, run=run)


def last_state(flown: Flown, lane: int) -> list[bytes]:
    """The bytes of a lane at contact, and of when its events were."""
    last = flown.last
    return [np.asarray(leaf)[lane].tobytes() for leaf in jax.tree.leaves((last.truth.touchdown, last.log.tick))]
