"""Joint draws of a device's figures: what a ratio of two networks on it is uncertain of, once for both.

Each figure with a published range is drawn from a distribution that is log-uniform piece by piece: half of it
lies below the value, half above it, 5 % below the low end and 5 % above the high one. (Where an end is the
value itself, half of the draws are the value.) Draws are stratified: one in each of as many equal shares of a
figure's probability, in an order of chance (Latin hypercube: McKay, Beckman and Conover, Technometrics 21(2),
1979).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import msgspec
import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array
from energyprobe.counting.table import CountTable

TAIL = 0.05
"""Share of draws beyond either end of a range."""


LINEAR = 1e-3
"""Relative difference up to which prices are linear in the figures."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a network costs in each draw.

    Attributes
    ----------
    energy_j : ndarray, shape (draws,)
        Joules per inference; NaN where nothing is priced.
    latency_s : ndarray, shape (draws,)
        As `energyprobe.costing.table.TotalCost`; NaN where the device model has no times.
    """

    energy_j: Array
    latency_s: Array


class Draws:
    """A device drawn many times, for all networks that are compared on it.

    Parameters
    ----------
    device : Device
        The device.
    number : int
        How many draws.
    seed : int
        Of the random numbers.
    """

    def __init__(self, device: Device, number: int, seed: int) -> None:
        self.device, self.number, self.seed = device, number, seed

    @functools.cached_property
    def devices(self) -> tuple[Device, ...]:
        """The device with other figures in each draw; only once where none of its figures has a range."""
        if not self._values:
            return (self._exact,)
        return tuple(
            self._exact.at({term: float(values[draw]) for term, values in self._values.items()})
            for draw in range(self.number)
        )

    @functools.cached_property
    def _values(self) -> dict[str, Array]:
        """Figures with a range in each draw, in base units, each of shape ``(draws,)``."""
        return {
            term: quantile(self._draw("figure", term), figure.value_si, figure.low_si, figure.high_si)
            for term, figure in self._exact.figures.items()
            if term in self.device.uncertain
        }

    @functools.cached_property
    def _exact(self) -> Device:
        """The device without its error, which is drawn apart."""
        return msgspec.structs.replace(self.device, held_out=None)

    def price(self, counts: CountTable, scenario: Scenario, network: int) -> Drawn:
        """Price a network in every draw.

        A term that is an interval although every figure is known (to how many cores a spike goes, say) rests
        on an assumption of the device model: drawn once for all networks, unless the device says that it is
        an error of single networks (`Device.own_errors`). So is its error on held-out measurements.

        Parameters
        ----------
        counts : CountTable
            The network.
        scenario : Scenario
            How it is run.
        network : int
            Which of the networks it is.

        Returns
        -------
        Drawn
        """
        first = self.device.cost(counts, scenario).total()
        if not (first.energy_j > 0 or first.latency_s > 0):
            unknown = np.full(self.number, np.nan)
            return Drawn(energy_j=unknown, latency_s=unknown)
        *terms, latency = np.moveaxis(self._ends(counts, scenario), 1, 0)
        energy_j = np.zeros(self.number)
        for term, ends in zip(first.terms, terms, strict=True):
            energy_j = energy_j + self._quantiles(ends, self._of_term(term, network))
        return Drawn(
            energy_j=energy_j * self._errors(network) if first.energy_j > 0 else np.full(self.number, np.nan),
            latency_s=self._quantiles(latency, self._of_term("latency", network)),
        )

    def _ends(self, counts: CountTable, scenario: Scenario) -> Array:
        """Value, low and high end of each term and of the latency, shape ``(draws, terms + 1, 3)``.

        They are linear in the figures of most devices. Where the draws with the least and the most of each
        figure lie on the plane through the value and one end of each, so do all; else all are priced.
        """

        def ends(device: Device) -> Array:
            total = device.cost(counts, scenario).total()
            terms = [(each.energy_j, each.low_j, each.high_j) for each in total.terms.values()]
            return np.array([*terms, (total.latency_s, total.low_latency_s, total.high_latency_s)])

        figures = {term: self._exact.figures[term] for term in self._values}
        values = {term: figure.value_si for term, figure in figures.items()}
        at_values = ends(self._exact.at(values))
        plane = np.broadcast_to(at_values, (len(self.devices), *at_values.shape))
        for term, figure in figures.items():
            end = figure.high_si if figure.high_si > figure.value_si else figure.low_si
            slope = (ends(self._exact.at(values | {term: end})) - at_values) / (end - figure.value_si)
            plane = plane + (self._values[term] - figure.value_si)[:, None, None] * slope
        extreme = {int(end(drawn)) for drawn in self._values.values() for end in (np.argmin, np.argmax)}
        if all(np.allclose(ends(self.devices[draw]), plane[draw], LINEAR, 0, True) for draw in extreme):
            return plane
        return np.array([ends(device) for device in self.devices])

    def _errors(self, network: int) -> Array:
        """Factors between energy and prediction, shape ``(draws,)``; 1 where no measurement tells them."""
        if self.device.held_out is None:
            return np.ones(self.number)
        factor = self.device.held_out.factor
        return quantile(self._draw("held out", str(network)), 1.0, 1 / factor, factor)

    def _of_term(self, term: str, network: int) -> Array:
        """Shares of what is an interval in a term, or in the latency; shape ``(draws,)``."""
        own = term in self.device.own_errors
        return self._draw("term", f"{term} {network}" if own else term)

    def _quantiles(self, ends: Array, shares: Array) -> Array:
        """Quantiles of what has a value, a low and a high end in each draw, or once for all of them."""
        value, low, high = np.broadcast_to(ends.T, (3, self.number))
        return quantile(shares, value, low, high)

    def _draw(self, *names: str) -> Array:
        """Stratified shares of one thing that is drawn: always the same for the same names."""
        # Devices have no constants in common: each has random numbers of its own.
        key = "/".join((self.device.name, *names)).encode()
        return stratified(np.random.default_rng([self.seed, *key]), self.number)


def stratified(rng: np.random.Generator, number: int) -> Array:
    """Shares of a probability, one from the middle of each of so many equal parts, in an order of chance."""
    return (rng.permutation(number) + 0.5) / number


def quantile(shares: Array, value: Array | float, low: Array | float, high: Array | float) -> Array:
    """Quantiles of what has a value and a range.

    ``ln x`` is linear in the share from one of the points (0.05, ln low), (0.5, ln value), (0.95, ln high) to
    the next, and beyond; ``x`` itself is where the low end is 0.

    Parameters
    ----------
    shares : ndarray, shape (draws,)
        Probabilities.
    value, low, high : float or ndarray of shape (draws,)
        The median and the 5 % and 95 % quantiles.

    Returns
    -------
    ndarray, shape (draws,)
        At least 0; NaN where any of the three is.
    """
    value, low, high = np.broadcast_arrays(value, low, high)
    end = np.where(shares < 0.5, low, high)
    # Part of the way from the median to the quantile at the tail: 0 to 1, or a little beyond.
    way = np.abs(shares - 0.5) / (0.5 - TAIL)
    with np.errstate(divide="ignore", invalid="ignore"):
        geometric = value * (end / value) ** way
    linear = np.maximum(0.0, value + (end - value) * way)
    return np.where(low > 0, geometric, linear)
