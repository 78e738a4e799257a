"""A GPU as its data sheet describes it."""

from __future__ import annotations

import msgspec

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.kernels.fits import Fit, PowerFit
from energyprobe.costing.kernels.loading import launches
from energyprobe.costing.kernels.rates import ITEM_BYTES, Architecture, Rates
from energyprobe.errors import DeviceError, nearest


class GpuFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures of a GPU.

    Attributes
    ----------
    multiprocessors, lanes : Figure
        Streaming multiprocessors, and lanes of single precision in each.
    memory_bandwidth : Figure
        Bandwidth of the memory on the board.
    cache_bytes, cache_bandwidth : Figure
        Size of the second-level cache, and reads from it, in theory.
    peaks : dict of str to Figure
        Dense arithmetic per second, by data type: on tensor cores where they take it, else on the lanes.
    limit_w, full_limit_w : Figure
        Power limit of the board, and of the board of the same chip with the highest: energies per byte and
        per FLOP are of the chip, however far a board is limited.
    idle_w : Figure or None
        Power while it waits for the next inference.
    memory_bytes : Figure or None
        What its memory holds.
    launches : dict of str to Figure
        Time that a launch takes, by how kernels are launched; as in the catalog's ``launch.toml`` where it
        is not given.
    """

    multiprocessors: Figure
    lanes: Figure
    memory_bandwidth: Figure
    cache_bytes: Figure
    cache_bandwidth: Figure
    peaks: dict[str, Figure]
    limit_w: Figure
    full_limit_w: Figure
    idle_w: Figure | None = None
    memory_bytes: Figure | None = None
    launches: dict[str, Figure] = {}

    def __post_init__(self) -> None:
        for name in self.launches:
            if name not in launches():
                raise DeviceError(f"launches.{name}: no way of launching, {nearest(name, launches())}")
        msgspec.structs.force_setattr(self, "launches", launches() | self.launches)
        if "fp32" not in self.peaks:
            raise DeviceError("peaks.fp32: missing, the clock is worked out from it")
        for dtype in self.peaks:
            if dtype not in ITEM_BYTES:
                raise DeviceError(f"peaks.{dtype}: no such data type, {nearest(dtype, ITEM_BYTES)}")


DIMENSIONS: dict[str, Dimension] = {
    **dict.fromkeys(("multiprocessors", "lanes"), "number"),
    **dict.fromkeys(("memory_bandwidth", "cache_bandwidth"), "bandwidth"),
    **dict.fromkeys(("limit_w", "full_limit_w", "idle_w"), "power"),
    **dict.fromkeys(("cache_bytes", "memory_bytes"), "memory"),
}
"""What the figures measure, but for those of tables."""

TABLES: dict[str, Dimension] = {"peaks": "speed", "launches": "time"}
"""Tables of figures, and what these measure."""


class Gpu(Device, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GPU: what the kernel models and the prices of networks take from one file.

    Attributes
    ----------
    architecture : str
        NVIDIA's name of the generation.
    fitted_as : str
        Name under which kernels were fitted; variants of a chip share it.
    constants : GpuFigures
        Its figures.
    fit : tuple of Fit
        Kernels fitted on it that the catalog does not have, as `energyprobe.calibrate` makes them.
    power : PowerFit or None
        Power constants fitted on it, in place of the catalog's.
    """

    architecture: Architecture
    fitted_as: str
    constants: GpuFigures
    fit: tuple[Fit, ...] = ()
    power: PowerFit | None = None

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term; those of tables as ``"peaks.fp32"``, ``"launches.stream"``."""
        own = {name: getattr(self.constants, name) for name in DIMENSIONS}
        tables = {
            f"{table}.{key}": figure
            for table in TABLES
            for key, figure in getattr(self.constants, table).items()
        }
        return {name: figure for name, figure in (own | tables).items() if figure is not None}

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures."""
        return (DIMENSIONS | TABLES)[term.partition(".")[0]]

    @property
    def sms(self) -> float:
        """Streaming multiprocessors."""
        return self.constants.multiprocessors.value_si

    @property
    def clock_hz(self) -> float:
        """Boost clock: peak FP32 over two FLOPs per lane and clock."""
        return self.constants.peaks["fp32"].value_si / (2 * self.sms * self.constants.lanes.value_si)

    def peak(self, dtype: str) -> float:
        """Dense FLOP/s of a data type; the lanes do what has no tensor cores.

        Raises
        ------
        DeviceError
            If the data sheet gives none.
        """
        peaks = self.constants.peaks
        if dtype not in peaks:
            raise DeviceError(f"{self.title} has no figures for data type {dtype!r}, {nearest(dtype, peaks)}")
        return peaks[dtype].value_si


def rates(gpu: Gpu, dtype: str) -> Rates:
    """Rates of a GPU for one data type; see `Rates`."""
    if dtype not in ITEM_BYTES:
        raise DeviceError(f"no data type {dtype!r}, {nearest(dtype, ITEM_BYTES)}")
    return Rates(
        sms=gpu.sms,
        clock_hz=gpu.clock_hz,
        dram=gpu.constants.memory_bandwidth.value_si,
        l2_bytes=gpu.constants.cache_bytes.value_si,
        l2=gpu.constants.cache_bandwidth.value_si,
        peak=gpu.peak(dtype),
        item=float(ITEM_BYTES[dtype]),
    )
