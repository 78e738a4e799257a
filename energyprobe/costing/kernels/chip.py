"""A GPU as the kernel models see it: what its data sheet says."""

from __future__ import annotations

from typing import Literal

import msgspec

from energyprobe.costing.kernels.quantities import Quantity
from energyprobe.errors import DeviceError, nearest

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


class Chip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GPU.

    Attributes
    ----------
    name, title : str
        What `energyprobe.kernel_cost` finds it by, and its name for people.
    aliases : tuple of str
        Other names.
    architecture : str
        NVIDIA's name of the generation.
    fits : str
        Name under which kernels were fitted; variants of a chip share it.
    multiprocessors, cores : Quantity
        Streaming multiprocessors, and FP32 lanes in each.
    dram : Quantity
        Bandwidth.
    l2 : Quantity
        Size of the L2 cache.
    l2_bandwidth : Quantity
        Reads from the L2 cache, in theory.
    peaks : dict of str to Quantity
        Dense arithmetic per second, by data type: on tensor cores where they take it, else on the lanes.
    power_limit, full_power : Quantity
        Of the board, and of the board of the same chip with the highest limit: energies per byte and per
        FLOP are of the chip, however far a board is limited.
    """

    name: str
    title: str
    architecture: Architecture
    fits: str
    multiprocessors: Quantity
    cores: Quantity
    dram: Quantity
    l2: Quantity
    l2_bandwidth: Quantity
    peaks: dict[str, Quantity]
    power_limit: Quantity
    full_power: Quantity
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "fp32" not in self.peaks:
            raise DeviceError("peaks.fp32: missing, the clock is worked out from it")
        for dtype in self.peaks:
            if dtype not in ITEM_BYTES:
                raise DeviceError(f"peaks.{dtype}: no such data type, {nearest(dtype, ITEM_BYTES)}")

    @property
    def sms(self) -> float:
        """Streaming multiprocessors."""
        return self.multiprocessors.si

    @property
    def clock_hz(self) -> float:
        """Boost clock: peak FP32 over two FLOPs per lane and clock."""
        return self.peaks["fp32"].si / (2 * self.sms * self.cores.si)

    @property
    def sm_clocks_per_s(self) -> float:
        """Clocks of all multiprocessors together in a second."""
        return self.sms * self.clock_hz

    def peak(self, dtype: str) -> float:
        """Dense FLOP/s of a data type; the lanes do what has no tensor cores.

        Raises
        ------
        DeviceError
            If the data sheet gives none.
        """
        if dtype not in self.peaks:
            raise DeviceError(
                f"{self.title} has no figures for data type {dtype!r}, {nearest(dtype, self.peaks)}"
            )
        return self.peaks[dtype].si

    @property
    def verified(self) -> bool:
        """Whether every figure of its data sheet is verified."""
        sheet = (self.dram, self.l2, self.l2_bandwidth, self.power_limit, *self.peaks.values())
        return all(each.verified for each in (self.multiprocessors, self.cores, *sheet))


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


def rates(chip: Chip, dtype: str) -> Rates:
    """Rates of a chip for one data type; see `Rates`."""
    if dtype not in ITEM_BYTES:
        raise DeviceError(f"no data type {dtype!r}, {nearest(dtype, ITEM_BYTES)}")
    return Rates(
        sms=chip.sms,
        clock_hz=chip.clock_hz,
        dram=chip.dram.si,
        l2_bytes=chip.l2.si,
        l2=chip.l2_bandwidth.si,
        peak=chip.peak(dtype),
        item=float(ITEM_BYTES[dtype]),
    )
