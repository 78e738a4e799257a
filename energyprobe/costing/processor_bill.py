"""What one run of a network takes on a conventional processor: times, energies and bytes of its kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energyprobe.costing.figures import Figure
from energyprobe.costing.kernel_work import KernelWork
from energyprobe.costing.ledger import ends
from energyprobe.costing.processor_figures import KINDS, Constants, TypeFigures
from energyprobe.costing.table import Array


@dataclass(frozen=True, eq=False)
class Bill:
    """One run of the samples that run together, with constants at their value, low and high end.

    Attributes
    ----------
    kernels_s : ndarray, shape (3, rows)
        Time of the kernels of each row.
    run_s : ndarray, shape (3,)
        Fixed time of the run.
    arithmetic_j, traffic_j : ndarray, shape (3, rows)
        Energy of multiply-accumulates, and of bytes moved.
    moved_bytes : ndarray, shape (rows,)
        How many.
    """

    kernels_s: Array
    run_s: Array
    arithmetic_j: Array
    traffic_j: Array
    moved_bytes: Array


def bill_of(kernels: KernelWork, constants: Constants, types: TypeFigures, overlap: bool) -> Bill:
    """Work out what a run takes; `energyprobe.costing.processor.Processor` has the formulas.

    Parameters
    ----------
    kernels : KernelWork
        What the network asks of the processor.
    constants : Constants
        Of the processor.
    types : TypeFigures
        Those of the data type that it computes in.
    overlap : bool
        Whether bytes are moved while it computes.

    Returns
    -------
    Bill
    """
    in_cache, in_memory = _by_level(kernels, constants)
    arithmetic_j = np.outer(_known(types.macs), kernels.macs.sum(axis=0))
    traffic_j = np.outer(_known(constants.memory), in_memory) + np.outer(_known(constants.cache), in_cache)
    # s/byte * bytes
    traffic_s = np.outer(_known(constants.memory_s), in_memory) + np.outer(
        _known(constants.cache_s), in_cache
    )
    compute_s = _compute_s(kernels, types)
    both_s = np.maximum(compute_s, traffic_s) if overlap else compute_s + traffic_s
    kernels_s = both_s + _software_s(kernels, types)
    if constants.limit_w is not None:
        # W = J/s: the dynamic power left over by the static one bounds the speed.
        spare_w = ends(constants.limit_w) - ends(constants.static_w)
        kernels_s = np.maximum(kernels_s, (arithmetic_j + traffic_j) / spare_w[:, None])
    return Bill(kernels_s, _known(types.run_s), arithmetic_j, traffic_j, in_cache + in_memory)


def _compute_s(kernels: KernelWork, types: TypeFigures) -> Array:
    """Time of multiply-accumulates, shape ``(3, rows)``."""
    times = np.array([_known(getattr(types, kind) or types.conv_s) for kind in KINDS])
    # s/MAC * MACs, (3, kinds) @ (kinds, rows)
    return np.asarray(times.T @ kernels.macs)


def _software_s(kernels: KernelWork, types: TypeFigures) -> Array:
    """Time that software spends on bytes and on calls, shape ``(3, rows)``."""
    return (
        np.outer(_known(types.weights_s), kernels.weight_bytes)
        + np.outer(_known(types.activations_s), kernels.activation_bytes + kernels.state_bytes)
        + np.outer(_known(types.call_s), kernels.launches)
    )


def _by_level(kernels: KernelWork, constants: Constants) -> tuple[Array, Array]:
    """Bytes of each row from and to the cache, and main memory."""
    holds = 0.0 if constants.cache_bytes is None else constants.cache_bytes.value_si
    others = kernels.activation_bytes + kernels.state_bytes
    cached = np.where(kernels.stored_bytes <= holds, kernels.weight_bytes, 0.0)
    cached = cached + np.where(kernels.kernel_bytes <= holds, others, 0.0)
    return cached, kernels.weight_bytes + others - cached


def _known(figure: Figure | None) -> Array:
    """Value, low and high; 0 where there is no figure: the term then stands among those not modelled."""
    return np.zeros(3) if figure is None else ends(figure)
