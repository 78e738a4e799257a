"""Hold chips against the operating points that their own figures were taken from.

``python benchmarks/operating_points.py`` prints published and predicted powers and energies. They say that
the arithmetic is right, not that the devices predict anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

import energyprobe as ep
from energyprobe.costing.chip import EventDrivenChip
from energyprobe.costing.device import Device
from energyprobe.trace.operations import Dense, NeuronUpdate
from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use


@dataclass(frozen=True)
class Point:
    """A published figure and what the device makes of it.

    Attributes
    ----------
    chip, what : str
        The device, and how it was run.
    published, predicted : float
        Watts or joules, as `unit` says.
    unit : str
        ``"W"`` or ``"J"``.
    """

    chip: str
    what: str
    published: float
    predicted: float
    unit: str = "W"

    @property
    def error(self) -> float:
        """Predicted over published, less 1."""
        return self.predicted / self.published - 1


def points() -> Iterator[Point]:
    """All operating points."""
    # Frenkel et al. 2019: 37.5 MSOP/s at 75 MHz, and 256 neurons at 10 Hz x 256 synapses at 1.3 MHz.
    for clock_mhz, synops, watts in ((75.0, 37.5e6, 477e-6), (1.3, 650e3, 35e-6)):
        what = f"{clock_mhz:g} MHz, {synops / 1e6:g} MSOP/s"
        yield Point("odin", what, watts, _power(_odin(clock_mhz), synops, cores=1))
    # Akopyan et al. 2015, Fig. 17, 0.8 V; the last from Merolla et al. 2014 at 0.775 V.
    for volts, rate_hz, watts in (
        (0.8, 11.58, 68e-3),
        (0.8, 20.07, 71e-3),
        (0.8, 95.93, 94e-3),
        (0.775, 20.0, 72e-3),
    ):
        power = _power(ep.device("truenorth"), 2**20 * rate_hz * 128, cores=4096)
        yield Point("truenorth", f"{volts:g} V, {rate_hz:g} Hz, 128 synapses", watts, power)
    inactive_j, active_j = nearest_neighbours_j()
    # Frady et al. 2020: in the cores, for each query.
    yield Point("loihi", "nearest neighbours, all updates inactive", 1.33e-3, inactive_j, "J")
    yield Point("loihi", "nearest neighbours, as priced (active)", 1.33e-3, active_j, "J")


def _odin(clock_mhz: float) -> Device:
    """ODIN at another clock: 27.3 uW of leakage and 1.78 uW/MHz."""
    odin = ep.device("odin")
    assert isinstance(odin, EventDrivenChip)
    static = msgspec.structs.replace(odin.figures["static_w"], value=27.3 + 1.78 * clock_mhz)
    constants = msgspec.structs.replace(odin.constants, static_w=static)
    return msgspec.structs.replace(odin, constants=constants)


def _power(chip: Device, synops: float, cores: int) -> float:
    """Power in one second of 1000 timesteps, in which cores of 256 x 256 do so many synops."""
    use = Use(activity=None, spiking=True, fanout_events=int(synops), fanout_spikes=int(synops))
    layer = _call("layer", Dense(inputs=256, units=256, positions=cores), use, 1000)
    total = chip.cost(_trace(layer), ep.Scenario(timestep_s=1e-3)).total()
    return total.power_w


def nearest_neighbours_j() -> tuple[float, float]:
    """Search of Frady et al. 2020 on Loihi: synops and updates of a query, inactive and as they are priced.

    76,800 neurons, 60 timesteps, 1000 inputs, of which a quarter to a third sends no spike: 708 spikes are
    the middle.
    """
    neurons, spikes, steps = 76_800, 708, 60
    seen = Activity(
        elements=1000 * steps, events=spikes, spikes=spikes, samples=1, sum_sq_events_per_sample=None
    )
    synops = spikes * neurons
    use = Use(activity=seen, spiking=True, fanout_events=synops, fanout_spikes=synops)
    match = _call("match", Dense(inputs=1000, units=neurons), use, steps)
    update = _call(
        "neurons", NeuronUpdate(neuron="integrate-and-fire", neurons=neurons), None, steps, ("match",)
    )
    loihi = msgspec.structs.replace(ep.device("loihi"), held_out=None)
    terms = loihi.cost(_trace(match, update)).total().terms
    updates = terms["neuron_updates"]
    return terms["acs"].energy_j + updates.low_j, terms["acs"].energy_j + updates.energy_j


def _call(
    path: str, operation: Dense | NeuronUpdate, use: Use | None, steps: int, inputs: tuple[str, ...] = ()
) -> LayerCall:
    step = Step(operation=operation, use=use, executions=steps, dtype="float32")
    return LayerCall(
        layer=path,
        path=path,
        type="Layer",
        call_index=0,
        fate="counted",
        steps=(step,),
        inputs=inputs,
        samples=1,
        sample_steps=steps,
    )


def _trace(*calls: LayerCall) -> Trace:
    return Trace(model="operating point", fingerprint="", samples=1, calls=calls)


def main() -> None:
    """Print one line for each point."""
    for point in points():
        print(
            f"{point.chip:10} {point.what:42} published {point.published:9.3g} {point.unit}  "
            f"predicted {point.predicted:9.3g} {point.unit}  error {point.error:+.1%}"
        )


if __name__ == "__main__":
    main()
