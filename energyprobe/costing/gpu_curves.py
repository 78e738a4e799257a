"""What the costliest products of a recorded network take on each kernel of a GPU, over density."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.gpu_breakeven import gpu_plan
from energyprobe.costing.gpu_plan import Plan
from energyprobe.costing.kernels.crossing import Quantity
from energyprobe.costing.lowering import Products
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array
from energyprobe.trace.records import Trace


@dataclass(frozen=True, eq=False)
class ProductCurves:
    """One product of a network, per inference.

    Attributes
    ----------
    layer : str
        Path of its layer, with the number of the call where it is not the first.
    now : float
        Density of its activations.
    dense : float
        Joules or seconds on the dense kernel.
    kernels : dict of str to ndarray, shape (densities,)
        On the sparse kernels that can run it.
    crossing : float
        Density below which the best of them takes less; 0 where none does.
    reason : str
        Why there is no crossing; empty where there is.
    """

    layer: str
    now: float
    dense: float
    kernels: dict[str, Array]
    crossing: float
    reason: str


def gpu_curves(
    trace: Trace, gpu: GpuDevice, quantity: Quantity, scenario: Scenario, *, density: Array, top: int
) -> list[ProductCurves]:
    """Price the costliest products over densities, of several alike the first.

    Parameters
    ----------
    trace : Trace
        The recording.
    gpu : GpuDevice
        The GPU; its policy says which sparse kernels may run, ``"dense"`` allows all.
    quantity : {"energy", "time"}
        What the curves are of.
    scenario : Scenario
        How the network is run.
    density : ndarray, shape (densities,)
        Densities of the activations.
    top : int
        How many products, at the most.

    Returns
    -------
    list of ProductCurves
        Those that take most on the dense kernel; only those whose density was recorded.
    """
    counts, plan = gpu_plan(trace, gpu, scenario)
    crossing, share = plan.breakeven(quantity), plan.products.runs / plan.batch
    dense = plan.dense.of(quantity) * share
    curves = []
    for place in _costliest(plan.products, dense, top):
        call = counts.rows[int(plan.products.row[place])].call
        curves.append(
            ProductCurves(
                layer=call.key,
                now=float(plan.products.density[place]),
                dense=float(dense[place]),
                kernels=_over_density(plan, place, quantity, density, float(share[place])),
                crossing=float(crossing.density[place]),
                reason=str(crossing.reason[place]),
            )
        )
    return curves


def _costliest(products: Products, dense: Array, top: int) -> Iterator[int]:
    """Places of the products that take most, of several of one shape the first that does."""
    seen: set[tuple[float, ...]] = set()
    for place in np.argsort(-dense, kind="stable").tolist():
        shape = tuple(
            float(getattr(products, name)[place])
            for name in ("m", "k", "n", "runs", "weight_density", "convolution")
        )
        if len(seen) < top and shape not in seen and not np.isnan(products.density[place]):
            seen.add(shape)
            yield place


def _over_density(
    plan: Plan, place: int, quantity: Quantity, density: Array, share: float
) -> dict[str, Array]:
    repeated = np.full(len(density), place)
    columns = {field.name: getattr(plan.products, field.name)[repeated] for field in fields(Products)}
    products = replace(Products(**columns), density=density)
    priced = {each.words: plan.shop.price(products, each, 0).of(quantity) for each in plan.sparse_options}
    return {name: values * share for name, values in priced.items() if np.isfinite(values).all()}
