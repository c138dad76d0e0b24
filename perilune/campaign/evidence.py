"""A campaign that has been flown, as something to ask: its runs, its landing probability, its causes, what it hangs on."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from perilune.foundation.errors import UserError

from .replay import campaign_head
from .statistics import clopper_pearson
from .store import Store

APPLIED = "applied/"  # columns of what dispersions put into a run


class Evidence:
    """A campaign's folder, read. Raises UserError where it is none."""

    def __init__(self, folder: str | Path):
        self.store = Store(Path(folder))
        self.head = campaign_head(self.store)
        parts = [self.store.read_part(chunk, self.head["digest"]) for chunk in self.store.chunks()]
        if not parts:
            raise UserError(f"{folder} has no runs yet: fly them with --resume.")
        whole = pa.concat_tables([part for part in parts if part is not None])
        result = self.head.get("result", {})  # none while it is unfinished: then all that is there
        is_counted = whole["run"].to_numpy() < result.get("runs", np.inf)
        self.table: pa.Table = whole.filter(pa.array(is_counted))

    def column(self, name: str) -> np.ndarray:
        """One column, in the order of runs. Raises UserError for a name that there is not."""
        if name not in self.table.column_names:
            raise UserError(f"The runs have no column {name}: {', '.join(self.table.column_names)}.")
        return self.table[name].to_numpy()

    @property
    def runs(self):
        """All rows as a DataFrame, indexed by run. Needs pandas."""
        return self.table.to_pandas().set_index("run")

    def landing_probability(self, confidence: float = 0.95, within_requirements: bool = False) -> dict[str, Any]:
        """Share of runs that landed (or landed within all requirements), with its interval: exact where the number of runs was
        fixed; as the stop rule gives it where a rule stopped the campaign, and only that. Raises UserError."""
        if not 0.0 < confidence < 1.0:
            raise UserError(f"confidence = {confidence}: give a share between 0 and 1, as 0.95.")
        column = self.column("is_within_requirements") if within_requirements else self.column("outcome") == "landed"
        landed, runs = int(np.sum(column)), len(column)
        kept = self.head.get("result", {}).get("landing_probability", {})
        if self.head.get("result", {}).get("was_stopped"):
            if within_requirements or confidence != kept["confidence"]:
                raise UserError(
                    f"A rule on landings, at {kept['confidence']:.0%}, stopped this campaign: no other interval is right."
                )
            return dict(kept)
        low, high = clopper_pearson(landed, runs, confidence)
        method = kept.get("method", "Clopper-Pearson")
        return {"estimate": landed / runs, "low": low, "high": high, "confidence": confidence, "method": method}

    def causes(self) -> dict[str, int]:
        """How many lost runs have which first cause, most first."""
        names, counts = np.unique([str(c) for c in self.column("first_cause") if c], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {str(names[k]): int(counts[k]) for k in order}

    def inputs(self) -> dict[str, np.ndarray]:
        """What dispersions put into the runs: path → value of each run; those that never moved are left out."""
        names = [name for name in self.table.column_names if name.startswith(APPLIED)]
        found = {name.removeprefix(APPLIED): self.column(name) for name in names}
        return {name: values for name, values in found.items() if np.ptp(values) > 0.0}

    def sensitivity(self, of: str = "vertical_speed_mps", slices: int = 10) -> dict[str, float]:
        """PAWN index (Pianosi & Wagener 2015; median over slices) of a figure for each dispersed number, most first: how far
        fixing the number moves the figure's distribution, 0 for not at all. Needs SALib. Runs without the figure are left out."""
        try:
            from SALib.analyze import pawn
        except ImportError:
            raise ImportError("sensitivity needs SALib: pip install 'perilune[sensitivity]'") from None
        inputs, column = self.inputs(), self.column(of)
        if not np.issubdtype(column.dtype, np.number):
            raise UserError(f"{of} is no figure: sensitivity is that of a number, as vertical_speed_mps.")
        figure = column.astype(float)
        is_there = np.isfinite(figure)
        if not inputs or is_there.sum() < 10 * slices:
            raise UserError(f"Too little to tell: {len(inputs)} dispersed numbers and {is_there.sum()} runs with {of}.")
        problem = {"num_vars": len(inputs), "names": list(inputs), "bounds": [[v.min(), v.max()] for v in inputs.values()]}
        columns = np.stack([values[is_there] for values in inputs.values()], axis=1)
        found = pawn.analyze(problem, columns, figure[is_there], S=slices, print_to_console=False, seed=0)
        pairs = zip(found["names"], (float(x) for x in found["median"]), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))
