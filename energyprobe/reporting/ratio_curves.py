"""The ratio of two models' energies while one thing changes: at the values of constants, and in draws."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from energyprobe.costing.table import Array
from energyprobe.reporting.cells import Interval, around
from energyprobe.reporting.pairs import Pair, Run

Change = Callable[[float], tuple[Run, Run]]
"""How the model and the baseline are run at a value of what changes; one that is left alone is the same."""


class RatioCurve:
    """The ratio at the values of all constants.

    Parameters
    ----------
    pair : Pair
        The two models.
    change : callable
        What changes.
    """

    def __init__(self, pair: Pair, change: Change) -> None:
        self.pair, self.change = pair, change
        self._energies_j: dict[float, tuple[float, float]] = {}

    def __call__(self, point: float) -> float:
        """The ratio at a value of what changes; NaN where a total lacks more than it does as it is."""
        model_j, baseline_j = self.energies_j(point)
        return model_j / baseline_j

    def energies_j(self, point: float) -> tuple[float, float]:
        """Joules of the two models at a value of what changes."""
        if point not in self._energies_j:
            device, (model_j, baseline_j) = self.pair.device, self.pair.energies_j
            model, baseline = self.change(point)
            self._energies_j[point] = (
                model_j if model is self.pair.model else model.energy_j(device),
                baseline_j if baseline is self.pair.baseline else baseline.energy_j(device),
            )
        return self._energies_j[point]

    def drawn(self, point: float) -> Callable[[float], Interval]:
        """The ratio with its interval, 5-95 % of the draws.

        All draws are priced at one point. Elsewhere the energy in each draw is taken to lie on the straight
        line, over the energy at the values, through it as the models are and through it at the point.

        Parameters
        ----------
        point : float
            The value of what changes near which the interval matters.

        Returns
        -------
        callable
            Gives the interval at a value of what changes.
        """
        energies = zip(self.pair.energies_j, self.pair.energy_draws, strict=True)
        there = zip(self.energies_j(point), self.change(point), strict=True)
        model, baseline = (
            _line(here_j, draws, there_j, run.energy_draws(self.pair.drawn) if there_j != here_j else draws)
            for (here_j, draws), (there_j, run) in zip(energies, there, strict=True)
        )

        @functools.cache
        def interval(at: float) -> Interval:
            model_j, baseline_j = self.energies_j(at)
            return around(model_j / baseline_j, model(model_j) / baseline(baseline_j))

        return interval


def _line(here_j: float, here: Array, there_j: float, there: Array) -> Callable[[float], Array]:
    """Energies in each draw by the energy at the values, from two such; NaN where none is left.

    Where the two are one, energies in draws are proportional to the energy.
    """

    def energies(energy_j: float) -> Array:
        if there_j == here_j:
            return here * (energy_j / here_j)
        drawn = here + (there - here) * ((energy_j - here_j) / (there_j - here_j))
        return np.where(drawn > 0, drawn, np.nan)

    return energies
