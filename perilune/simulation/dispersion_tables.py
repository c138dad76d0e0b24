"""How a mission file says that numbers are uncertain: one by one, by a common cause, or correlated."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .table_words import Finite, NotNegative, Positive, Share, Table

Figures = NotNegative | tuple[NotNegative, ...]  # one for all parts of a number, or one a part
Correlation = Annotated[float, Field(ge=-1, le=1)]

# distribution → what it takes: of each group exactly one.
TAKES: dict[str, tuple[tuple[str, ...], ...]] = {
    "normal": (("sigma", "sigma_percent"),),
    "uniform": (("half_width",),),
    "truncated_normal": (("sigma", "sigma_percent"), ("limit_sigma",)),
    "log_normal": (("sigma_log",),),
    "discrete": (("values",), ("probabilities",)),
    "empirical": (("values",),),
}
FIGURES = ("sigma", "sigma_percent", "half_width", "limit_sigma", "sigma_log", "values", "probabilities")


class DispersionRow(Table):
    """How one number (`path`) is distributed, or several of one shape that one draw moves together (`paths`: a common cause).

    Each part of a list draws for itself. Figures are in the number's unit, but for sigma_percent (% of its nominal) and
    sigma_log (of its natural logarithm). normal: nominal + sigma z. uniform: nominal ± half_width. truncated_normal: normal, cut
    at ± limit_sigma sigmas. log_normal: nominal · exp(sigma_log z), whose median is the nominal. discrete: one of `values`, with
    its probability, in the place of the nominal. empirical: nominal plus an offset resampled from `values` by the inverse of
    their piecewise-linear empirical distribution (the k-th smallest of n is the quantile at (k - 1)/(n - 1)).
    """

    path: str = ""
    paths: tuple[str, ...] = ()
    distribution: Literal["normal", "uniform", "truncated_normal", "log_normal", "discrete", "empirical"]
    sigma: Figures | None = None
    sigma_percent: NotNegative | None = None
    half_width: Figures | None = None
    limit_sigma: Positive | None = None
    sigma_log: Figures | None = None
    values: tuple[Finite, ...] | None = None
    probabilities: tuple[Share, ...] | None = None

    @property
    def moves(self) -> tuple[str, ...]:
        """Paths of the numbers that it moves."""
        return (self.path,) if self.path else self.paths

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return ", ".join(self.moves)

    def figures(self) -> dict[str, Any]:
        """What is given of its distribution, by key."""
        return {key: value for key in FIGURES if (value := getattr(self, key)) is not None}


class CorrelatedGroup(Table):
    """Numbers that are normally distributed about their nominals and correlated: `covariance` in their units squared, or
    `correlation` and a `sigma` a number in its unit. The parts of lists count in order, one number each."""

    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    covariance: tuple[tuple[Finite, ...], ...] | None = None
    correlation: tuple[tuple[Correlation, ...], ...] | None = None
    sigma: tuple[NotNegative, ...] | None = None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return ", ".join(self.paths)
