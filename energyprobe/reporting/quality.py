"""How good a model is at its task, with a confidence interval, beside what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from energyprobe.costing.activity import NORMAL_95
from energyprobe.costing.scenario import is_whole
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting import units

ACCURACY = "accuracy"
"""The metric that is a fraction of right answers."""

RMSE = "RMSE"
"""First word of the metrics that are a root mean square error, whatever its unit."""


@dataclass(frozen=True)
class Quality:
    """A measured quality of a model.

    Parameters
    ----------
    value : float
        As measured; of an accuracy the fraction of right answers.
    metric : str
        What was measured, such as ``"accuracy"`` or ``"RMSE"``.
    higher_is_better : bool
        Whether a higher value is better.
    n_test : int, optional
        How many samples it was measured on: what the interval of an accuracy or an RMSE follows from.
    low, high : float, optional
        A 95 % interval of your own, such as one of a bootstrap; of both or neither.

    Raises
    ------
    ReportError
        If a number is not finite, an accuracy is no fraction, the interval does not hold the value, or
        `n_test` is no whole number of at least 1.
    """

    value: float
    metric: str = ACCURACY
    higher_is_better: bool = True
    n_test: int | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ReportError(f"the {self.metric} must be a finite number, got {self.value!r}")
        if self.metric == ACCURACY and not 0 <= self.value <= 1:
            raise ReportError(f"an accuracy must be a fraction between 0 and 1, got {self.value:g}")
        if self.n_test is not None and not is_whole(self.n_test):
            raise ReportError(f"n_test must be a whole number of at least 1, got {self.n_test!r}")
        if (self.low is None) != (self.high is None):
            raise ReportError(f"the interval of the {self.metric} needs both ends, low and high")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ReportError(
                f"the interval of the {self.metric} must hold its value: expected "
                f"low <= value <= high, got {self.low:g} <= {self.value:g} <= {self.high:g}"
            )

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval: the one given, or that of an accuracy or RMSE on `n_test` samples; or None."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        if self.n_test is None:
            return None
        if self.is_accuracy:
            return wilson(self.value, self.n_test)
        return root_mean_square(self.value, self.n_test) if self.metric.startswith(RMSE) else None

    @property
    def is_accuracy(self) -> bool:
        """Whether its value is a fraction of right answers."""
        return self.metric == ACCURACY

    def at_least_as_good_as(self, other: Quality) -> bool:
        """Compare values of the same metric."""
        return self.value >= other.value if self.higher_is_better else self.value <= other.value

    @property
    def words(self) -> str:
        """The value: ``"98.0 %"``, ``"0.031"``."""
        return units.percentage(self.value) if self.is_accuracy else f"{self.value:.3g}"

    @property
    def interval_words(self) -> str:
        """The interval: ``"96.4–98.9 %"``; a dash where none is known."""
        if self.interval is None:
            return units.UNKNOWN
        low, high = self.interval
        if self.is_accuracy:
            return f"{100 * low:.1f}–{100 * high:.1f} %"
        return f"{low:.3g}–{high:.3g}"


def wilson(fraction: float, number: int) -> tuple[float, float]:
    """The 95 % interval of a fraction, after Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.

    ``(p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)``

    Parameters
    ----------
    fraction : float
        p, of successes.
    number : int
        n, of trials.

    Returns
    -------
    tuple of float
        Both within 0 and 1.
    """
    z_squared = NORMAL_95**2
    middle = fraction + z_squared / (2 * number)
    half = NORMAL_95 * math.sqrt(fraction * (1 - fraction) / number + z_squared / (4 * number**2))
    share = 1 + z_squared / number
    return max(0.0, (middle - half) / share), min(1.0, (middle + half) / share)


def root_mean_square(error: float, number: int) -> tuple[float, float]:
    """The 95 % interval of a root mean square error.

    ``error sqrt(n / q)`` with the quantiles q of the chi-squared distribution of n degrees of freedom:
    errors are taken as independent and normal, with a mean of zero.

    Parameters
    ----------
    error : float
        The root mean square error.
    number : int
        n, of samples.

    Returns
    -------
    tuple of float
        In the unit of the error.
    """
    from scipy.stats import chi2

    low, high = (error * math.sqrt(number / chi2.ppf(each, number)) for each in (0.975, 0.025))
    return low, high


def qualities(
    models: Mapping[str, object],
    accuracy: Mapping[str, float] | None,
    quality: Mapping[str, Quality] | None,
) -> dict[str, Quality]:
    """Make one table of what a user says of the models.

    Parameters
    ----------
    models : mapping of str to object
        The models.
    accuracy : mapping of str to float, optional
        Fractions of right answers.
    quality : mapping of str to Quality, optional
        Any other.

    Returns
    -------
    dict of str to Quality
        In the order of the models.

    Raises
    ------
    ReportError
        If one names no model, or they are of several metrics.
    """
    given = {name: Quality(value) for name, value in (accuracy or {}).items()}
    for name, each in (quality or {}).items():
        if name in given:
            raise ReportError(f"give the accuracy or the quality of {name!r}, not both")
        if not isinstance(each, Quality):
            raise ReportError(f"the quality of {name!r} must be an ep.Quality, got {type(each).__name__}")
        given[name] = each
    for name in given:
        if name not in models:
            raise ReportError(f"a quality of {name!r}, which is not compared: {nearest(name, models)}")
    if len({(each.metric, each.higher_is_better) for each in given.values()}) > 1:
        metrics = ", ".join(sorted({each.metric for each in given.values()}))
        raise ReportError(f"models are compared by one metric, with one sense of better; got {metrics}")
    return {name: given[name] for name in models if name in given}
