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
        self._shares = {term: self._draw("figure", term) for term in device.uncertain}

    @functools.cached_property
    def devices(self) -> tuple[Device, ...]:
        """The device with other figures in each draw; only once where none of its figures has a range."""
        if not self._shares:
            return (self._exact,)
        figures = self._exact.figures
        drawn = {
            term: quantile(shares, figures[term].value_si, figures[term].low_si, figures[term].high_si)
            for term, shares in self._shares.items()
        }
        return tuple(
            self._exact.at({term: float(values[draw]) for term, values in drawn.items()})
            for draw in range(self.number)
        )

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
        totals = [device.cost(counts, scenario).total() for device in self._devices_for(counts, scenario)]
        energy_j = np.zeros(self.number)
        for term in totals[0].terms:
            parts = [total.terms[term] for total in totals]
            ends = [(each.energy_j, each.low_j, each.high_j) for each in parts]
            energy_j = energy_j + self._quantiles(ends, self._of_term(term, network))
        times = [(each.latency_s, each.low_latency_s, each.high_latency_s) for each in totals]
        unpriced = [not each.energy_j > 0 for each in totals]
        return Drawn(
            energy_j=np.where(unpriced, np.nan, energy_j * self._errors(network)),
            latency_s=self._quantiles(times, self._of_term("latency", network)),
        )

    def _devices_for(self, counts: CountTable, scenario: Scenario) -> tuple[Device, ...]:
        """All drawn devices, or one of them where no figure matters: back to back, idle power does not."""
        total, figures = self._exact.cost(counts, scenario).total(), self._exact.figures
        ends = ({term: end} for term in self._shares for end in (figures[term].low_si, figures[term].high_si))
        alike = all(self._exact.at(moved).cost(counts, scenario).total() == total for moved in ends)
        return self.devices[:1] if alike else self.devices

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

    def _quantiles(self, ends: list[tuple[float, float, float]], shares: Array) -> Array:
        """Quantiles of what has a value, a low and a high end in each draw, or once for all of them."""
        value, low, high = np.broadcast_to(np.array(ends).T, (3, self.number))
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
