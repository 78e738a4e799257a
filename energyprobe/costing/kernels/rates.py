"""What kernel models take from a chip: its rates, in base units."""

from __future__ import annotations

from typing import Literal

import msgspec

ITEM_BYTES: dict[str, int] = {
    "fp64": 8,
    "fp32": 4,
    "tf32": 4,
    "fp16": 2,
    "bf16": 2,
    "fp8": 1,
    "int8": 1,
}
"""Data types, and the bytes of one value."""

SPARSE_TENSOR_CORES = ("Ampere", "Ada", "Hopper")
"""Architectures whose tensor cores run 2:4."""

Architecture = Literal["Volta", "Turing", "Ampere", "Ada", "Hopper"]


class Rates(msgspec.Struct, frozen=True):
    """What a kernel model needs of a chip, in base units.

    Attributes
    ----------
    sms : float
        Multiprocessors.
    clock_hz : float
        Clock.
    dram : float
        Bytes per second.
    l2_bytes, l2 : float
        Size of the L2 cache, and bytes per second from it.
    peak : float
        FLOP/s of the data type.
    item : float
        Bytes of one value.
    """

    sms: float
    clock_hz: float
    dram: float
    l2_bytes: float
    l2: float
    peak: float
    item: float
