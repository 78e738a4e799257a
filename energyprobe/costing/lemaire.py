"""Device model "lemaire": analytical accelerators whose memory costs by its size, for both kinds of networks.

Counts of memory accesses and operations as Lemaire et al. (2022) derive them for convolutions and matrices; a
layer that reads spikes is charged as a spiking one, any other as a conventional one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.remarks import boundary_notes, dtype_notes, remarks_of
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array, CostTable
from energyprobe.costing.work import Work, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError
from energyprobe.trace.operations import Conv, Dense, Elementwise, NeuronUpdate
from energyprobe.trace.records import Activity, LayerCall, Step


class Constants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures of an accelerator.

    Attributes
    ----------
    add, multiply : Figure
        Energy of one addition and one multiplication.
    access, access_per_bit : Figure
        Energy of one access to a memory of no size, and for each bit that the memory holds.
    bits : Figure
        Width of a weight.
    """

    add: Figure
    multiply: Figure
    access: Figure
    access_per_bit: Figure
    bits: Figure


@dataclass(frozen=True, kw_only=True)
class Accesses:
    """What one layer does in one inference; unknown where its spikes are.

    Attributes
    ----------
    memory : float
        Reads and writes of inputs, weights, biases, potentials and outputs.
    macs, acs : float
        Multiply-accumulates and accumulates.
    address_macs, address_acs : float
        Those that work out addresses.
    """

    memory: float = 0.0
    macs: float = 0.0
    acs: float = 0.0
    address_macs: float = 0.0
    address_acs: float = 0.0


class AnalyticalAccelerator(Device, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accelerator with one memory a layer, as large as its weights.

    ``E_access = e_access + e_access_per_bit x weights x bits``; a multiply-accumulate is a multiplication and
    an addition, an accumulate an addition.

    Attributes
    ----------
    constants : Constants
        The figures.
    """

    constants: Constants

    def __post_init__(self) -> None:
        if self.skips != "zero inputs" or not self.graded_events:
            raise DeviceError('skips: this model has skips = "zero inputs" and graded_events = true')
        super().__post_init__()

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term."""
        return {name: getattr(self.constants, name) for name in Constants.__struct_fields__}

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures."""
        return "number" if term == "bits" else "energy"

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`. The batch size changes nothing."""
        work = work_of(counts, scenario)
        accesses = [
            accesses_of(step, work.calls[row])
            for step, row in zip(work.steps, work.row.tolist(), strict=True)
        ]
        counted = {
            name: work.per_inference([getattr(each, name) if each else 0.0 for each in accesses])
            for name in Accesses.__dataclass_fields__
        }
        ledger = Ledger(self, work)
        self._charge(ledger, counted)
        without = np.array([each is None for each in accesses])
        ledger.leave_out("macs", np.where(without, work["dense_synops"], 0))
        ledger.leave_out("neuron_updates", np.where(without, work["neuron_updates"], 0))
        ledger.leave_out("elementwise", self._elementwise(work))
        ledger.leave_out("lookups", work["lookups"])
        ledger.unknown(work.uncounted)
        ledger.latency_s[:] = np.nan
        return ledger.table(
            scenario,
            not_modelled=("communication", "synchronisation", "static", "idle", "host"),
            remarks=remarks_of(work, self, np.isnan(counted["memory"])),
            notes=(
                "by the equations of Lemaire et al., for convolutions and matrices; neurons are leaky",
                *dtype_notes(self, scenario),
                *boundary_notes(self.figures, scenario),
            ),
        )

    def _charge(self, ledger: Ledger, counted: dict[str, Array]) -> None:
        constants = self.constants
        mac, ac = ends(constants.multiply) + ends(constants.add), ends(constants.add)
        adds, multiplies = (constants.add,), (constants.multiply, constants.add)
        accesses = (constants.access, constants.access_per_bit)
        ledger.charge("memory", counted["memory"], self._access(ledger.work), accesses)
        ledger.charge("macs", counted["macs"], mac, multiplies)
        ledger.charge("acs", counted["acs"], ac, adds)
        ledger.charge("addressing", counted["address_macs"], mac, multiplies)
        ledger.charge("addressing", counted["address_acs"], ac, adds)

    def _elementwise(self, work: Work) -> Array:
        """Elementwise operations that the equations leave out; biases and rectifiers are in them."""
        return np.where(
            [step is not None and _in_equations(step) for step in work.steps], 0, work["elementwise_ops"]
        )

    def _access(self, work: Work) -> Array:
        """Joules of an access to the memory of each entry, shape ``(3, entries)``."""
        weights = np.array([step.weights if step else 0 for step in work.steps], dtype=np.float64)
        bits = weights * self.constants.bits.value_si
        return ends(self.constants.access)[:, None] + np.outer(ends(self.constants.access_per_bit), bits)


def _in_equations(step: Step) -> bool:
    return isinstance(step.operation, Elementwise) and step.operation.function in ("bias", "relu")


def accesses_of(step: Step | None, call: LayerCall) -> Accesses | None:
    """Work out what an operation does over the whole recording.

    Parameters
    ----------
    step : Step or None
        The operation.
    call : LayerCall
        The call that it belongs to.

    Returns
    -------
    Accesses or None
        None for an operation that the model has no equations for.
    """
    if step is None:
        return None
    match step.operation:
        case NeuronUpdate() if call.output_spiking:
            sent = _spikes(call.output)
            return Accesses(memory=sent, acs=sent)
        case Conv() | Dense() as operation if step.use is not None:
            if step.use.spiking:
                return _spiking(operation, step.executions, _spikes(step.use.activity))
            return _conventional(operation, step.executions)
        case _:
            return None


def _conventional(operation: Conv | Dense, runs: int) -> Accesses:
    inputs, outputs, taps = _sizes(operation)
    if isinstance(operation, Conv):
        # Inputs are read for each synop; Cin Hin Win + Cout Hout Wout + Cout Hk Wk addresses.
        synops = read = outputs * taps * (operation.channels // operation.groups)
        addresses = inputs + outputs + operation.filters * taps
    else:
        synops = addresses = operation.inputs * outputs
        read = inputs
    # Inputs, weights, biases and results.
    memory = read + synops + 2 * outputs
    return Accesses(
        memory=runs * memory, macs=runs * synops, acs=runs * outputs, address_acs=runs * addresses
    )


def _spiking(operation: Conv | Dense, runs: int, received: float) -> Accesses:
    _, outputs, taps = _sizes(operation)
    updates = runs * outputs
    if isinstance(operation, Conv):
        fan = operation.filters // operation.groups
        reached = received * fan * taps
        strides = zip(operation.kernel, operation.strides, strict=True)
        added = received * fan * math.prod(math.ceil(kernel / stride) for kernel, stride in strides)
        address_macs, address_acs = 2 * received, received * taps
    else:
        reached = added = address_acs = received * operation.units
        address_macs = 0.0
    return Accesses(
        # Spikes; weights; biases; potentials read and written, for each synop and each timestep.
        memory=received + reached + updates + 2 * (reached + updates),
        macs=updates,
        acs=added + updates,
        address_macs=address_macs,
        address_acs=address_acs,
    )


def _sizes(operation: Conv | Dense) -> tuple[int, int, int]:
    """Inputs, outputs and taps."""
    if isinstance(operation, Dense):
        return operation.inputs * operation.positions, operation.units * operation.positions, 1
    inputs = math.prod(operation.input_shape) * operation.channels
    return inputs, math.prod(operation.output_shape) * operation.filters, math.prod(operation.kernel)


def _spikes(activity: Activity | None) -> float:
    return math.nan if activity is None else activity.spikes_or_events
