"""The kernels of a network on a GPU: which were chosen, what they cost, and where sparse begins to pay."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from energyprobe.costing.chosen_kernels import ChosenKernels
from energyprobe.costing.gpu_choice import DENSE, STORED, Option, Runs, Shop, options_of
from energyprobe.costing.kernels.crossing import Crossing, Priced, Quantity, crossing_of
from energyprobe.costing.kernels.parts import LIMITS
from energyprobe.costing.lowering import Elementwises, Flags, Products, elementwises_of, products_of
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work

BOUND = 0.5
"""Share of the time from which on a network is bound by what binds its kernels."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The kernels of one batch of a network.

    Attributes
    ----------
    work : Work
        The network.
    shop : Shop
        Prices of the GPU.
    batch : int
        Samples that run together.
    options : tuple of Option
        What was chosen among; positions in it stand in `chosen`.
    products, elementwises : Products, Elementwises
        The kernels.
    chosen, dense, updates : Runs
        Costs of the products on the kernels chosen, and as a framework runs them; and of the elementwise
        kernels.
    """

    work: Work
    shop: Shop
    batch: int
    options: tuple[Option, ...]
    products: Products
    elementwises: Elementwises
    chosen: Runs
    dense: Runs
    updates: Runs

    def by_row(self, row: npt.NDArray[np.intp], values: Array) -> Array:
        """Sums over the kernels of each row, per inference: shape ``(rows,)``, or ``(3, rows)`` of three."""
        if values.ndim > 1:
            return np.array([self.by_row(row, each) for each in values])
        return np.bincount(row, values, minlength=len(self.work.calls)) / self.batch

    @functools.cached_property
    def time_s(self) -> Array:
        """Time of the kernels of each row, the whole batch, shape ``(3, rows)``: value, low, high."""
        products, updates = self.products, self.elementwises
        time_s = self.by_row(products.row, products.runs * self.chosen.time_s)
        return (time_s + self.by_row(updates.row, updates.runs * self.updates.time_s)) * self.batch

    def share_bound_by(self, limit: str) -> float:
        """Share of the time in kernels that one of `LIMITS` binds."""
        code, total = LIMITS.index(limit), float(self.time_s[0].sum())
        bound = (
            (kernels.runs * runs.time_s[0])[runs.limit == code].sum()
            for kernels, runs in ((self.products, self.chosen), (self.elementwises, self.updates))
        )
        return float(sum(bound)) / total if total else 0.0

    @property
    def bound_by(self) -> str:
        """What binds most of the time, such as ``"launch-bound"``; empty where nothing does."""
        return next((f"{limit}-bound" for limit in LIMITS if self.share_bound_by(limit) > BOUND), "")

    @property
    def chosen_kernels(self) -> ChosenKernels:
        """What a report says of each row beside its price."""
        names = [self.options[position].words for position in self.chosen.option.tolist()]
        of_row: list[dict[str, None]] = [{} for _ in self.work.calls]
        for row, name in zip(self.products.row.tolist(), names, strict=True):
            of_row[row][name] = None
        dense_j = self.by_row(self.products.row, self.products.runs * self.dense.energy_j[0])
        none = np.bincount(self.products.row, minlength=len(self.work.calls)) == 0
        return ChosenKernels(
            kernel=tuple(", ".join(names) for names in of_row),
            dense_j=np.where(none, np.nan, dense_j),
            bound_by=self.bound_by,
            solve=lambda: self.of_rows(self.breakeven("energy").density),
        )

    def of_rows(self, values: Array) -> Array:
        """The value of the product of each row that takes the most energy dense; NaN where it has none."""
        found = np.full(len(self.work.calls), np.nan)
        order = np.argsort(self.products.runs * self.dense.energy_j[0])
        found[self.products.row[order]] = values[order]
        return found

    @functools.cached_property
    def sparse_options(self) -> tuple[Option, ...]:
        """Ways to skip zeros of activations: those chosen among, or all where only dense kernels run."""
        options = self.options[2:] or options_of("best", self.shop)
        return tuple(each for each in options if each.operand == "activations")

    def breakeven(self, quantity: Quantity) -> Crossing:
        """Find the density of each product's activations below which skipping zeros pays; see `Crossing`."""
        options = self.sparse_options

        def cheapest(density: Array) -> Priced:
            products = replace(self.products, density=density)
            return priced(self.shop.cheapest(products, options, quantity))

        def priced(runs: Runs) -> Priced:
            return Priced(
                cost=runs.of(quantity),
                kernel=runs.option,
                launch_bound=runs.limit == 0,
                calibrated=runs.calibrated,
            )

        names = [option.words for option in options]
        return crossing_of(priced(self.dense), cheapest, names, zeros_save=quantity == "energy")


def plan_of(shop: Shop, policy: str, work: Work, at_once: Flags, batch: int) -> Plan:
    """Choose the kernels of a network.

    Parameters
    ----------
    shop : Shop
        Prices of the GPU.
    policy : str
        See `energyprobe.costing.gpu.POLICIES`. Where a kernel that is named cannot run, the framework's does.
    work : Work
        The network.
    at_once : ndarray of bool, shape (rows,)
        Calls that go over all timesteps in one kernel.
    batch : int
        Samples that run together.

    Returns
    -------
    Plan
    """
    products, updates = products_of(work, at_once, batch), elementwises_of(work, at_once, batch)
    sparse = options_of(policy, shop)
    dense = chosen = shop.as_run(products)
    if sparse:
        found = shop.cheapest(products, sparse)
        found = replace(found, option=found.option + 2)
        wins = found.energy_j[0] < (dense.energy_j[0] if policy == "best" else np.inf)
        chosen = dense.where(wins, found)
    return Plan(
        work=work,
        shop=shop,
        batch=batch,
        options=(DENSE, STORED, *sparse),
        products=products,
        elementwises=updates,
        chosen=chosen,
        dense=dense,
        updates=shop.price_elementwise(updates),
    )
