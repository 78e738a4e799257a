"""Figures of a conventional processor: what each measures."""

from __future__ import annotations

import msgspec

from energyprobe.costing.figures import Dimension, Figure


class TypeFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures that hold for one data type; None where there is none.

    Attributes
    ----------
    macs : Figure or None
        Energy of one multiply-accumulate.
    conv_s : Figure
        Time of one multiply-accumulate of a convolution, on the whole processor as it is used.
    pointwise_s, depthwise_s, dense_s : Figure or None
        The same for convolutions of kernel 1 and of groups, and for matrices; as `conv_s` where None.
    weights_s, activations_s : Figure or None
        Time that software spends on each byte of weights and activations, wherever they lie.
    call_s, run_s : Figure or None
        Fixed time of one kernel, and of one run of the network.
    """

    conv_s: Figure
    macs: Figure | None = None
    pointwise_s: Figure | None = None
    depthwise_s: Figure | None = None
    dense_s: Figure | None = None
    weights_s: Figure | None = None
    activations_s: Figure | None = None
    call_s: Figure | None = None
    run_s: Figure | None = None


class Constants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures of a conventional processor; None where there is none.

    Attributes
    ----------
    types : dict of str to TypeFigures
        Figures by data type; the first is used unless a scenario says otherwise.
    static_w : Figure
        Power while it runs, whatever it computes.
    idle_w : Figure or None
        Power while it waits for the next inference.
    limit_w : Figure or None
        Power above which it slows down.
    memory, cache : Figure or None
        Energy of a byte moved from or to main memory, and the last cache.
    memory_s, cache_s : Figure or None
        Time of a byte moved.
    cache_bytes, memory_bytes : Figure or None
        What they hold. Without `cache_bytes` everything comes from main memory.
    """

    types: dict[str, TypeFigures]
    static_w: Figure
    idle_w: Figure | None = None
    limit_w: Figure | None = None
    memory: Figure | None = None
    cache: Figure | None = None
    memory_s: Figure | None = None
    cache_s: Figure | None = None
    cache_bytes: Figure | None = None
    memory_bytes: Figure | None = None


DIMENSIONS: dict[str, Dimension] = {
    **dict.fromkeys(("conv_s", "pointwise_s", "depthwise_s", "dense_s", "call_s", "run_s"), "time"),
    **dict.fromkeys(("weights_s", "activations_s", "memory_s", "cache_s"), "time per byte"),
    **dict.fromkeys(("memory", "cache"), "energy per byte"),
    **dict.fromkeys(("static_w", "idle_w", "limit_w"), "power"),
    **dict.fromkeys(("cache_bytes", "memory_bytes"), "memory"),
}
"""What the constants measure, where it is not the energy of one operation."""

KINDS = ("conv_s", "pointwise_s", "depthwise_s", "dense_s")
"""Times of a multiply-accumulate, by the kind of operation."""
