"""A spiking network beside a conventional one of as many bits: the firing rate below which it costs less.

A network of integrate-and-fire neurons that runs T timesteps tells T + 1 values apart, as activations of
ceil(log2(T + 1)) bits do (Yan et al., arXiv:2409.08290). Neither has an advantage in accuracy by its code, so
energies of the two can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.costing.lookup import AnyDevice, resolve_device
from energyprobe.costing.mapping import units
from energyprobe.costing.work import Work, work_of
from energyprobe.counting.table import count, reading_for
from energyprobe.errors import DeviceError, ScenarioError
from energyprobe.trace.operations import Synaptic
from energyprobe.trace.records import Activity, Trace

if TYPE_CHECKING:
    import pandas as pd


def bitmatched(
    trace: Trace,
    device: AnyDevice = "45nm-int8",
    *,
    zeros: float = 0.0,
    weight_j: float = 0.0,
    update_j: float = 0.0,
    spike_j: float = 0.0,
    activation_j: float = 0.0,
) -> pd.DataFrame:
    """Find the firing rate below which each layer costs less than a conventional one of as many bits.

    Arithmetic alone unless energies of memory and transport are given; see `break_even_rate`.

    Parameters
    ----------
    trace : Trace
        A recorded spiking network.
    device : str, path or Device
        Whose energies of a multiply-accumulate and an accumulate are taken.
    zeros : float
        Fraction of activations of the conventional network that are zero, if its accelerator skips them.
    weight_j, update_j, spike_j, activation_j : float
        Joules of reading a weight, of updating a neuron in a timestep, and of bringing a spike or an
        activation to a neuron.

    Returns
    -------
    pandas.DataFrame
        One row for each layer call that reads spikes: ``layer``, ``call``, ``timesteps``, ``bits`` (of the
        conventional activations), ``inputs`` (of a neuron), ``rate`` (spikes per input and timestep, as
        recorded), ``break_even_rate`` (below which the spiking layer costs less), ``wins``.

    Raises
    ------
    DeviceError
        If the device has no energy of a multiply-accumulate or of an accumulate.
    ScenarioError
        If no layer reads spikes, or an energy or a fraction is impossible.
    """
    import pandas as pd

    chosen = resolve_device(device)
    figures = chosen.figures
    for term in ("macs", "acs"):
        if term not in figures:
            raise DeviceError(f"bitmatched: {chosen.name} has no energy of {term}; try '45nm-int8'")
    energies = Energies(
        mac=figures["macs"].value_si,
        ac=figures["acs"].value_si,
        weight=weight_j,
        update=update_j,
        spike=spike_j,
        activation=activation_j,
    )
    rows = _layers(work_of(count(trace, reading_for(trace, chosen.reading))), zeros, energies)
    if not rows:
        raise ScenarioError(f"bitmatched: no layer of {trace.model!r} reads spikes over several timesteps")
    return pd.DataFrame(rows)


def _layers(work: Work, zeros: float, energies: Energies) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    synops = work["dense_synops"]
    for entry, step in enumerate(work.steps):
        if step is None or not isinstance(step.operation, Synaptic) or step.use is None:
            continue
        row = int(work.row[entry])
        timesteps = round(float(work.timesteps[row]))
        if not step.use.spiking or timesteps < 2:
            continue
        # synops/inference / (timesteps/inference * neurons) = inputs of a neuron
        inputs = round(float(synops[entry]) / (timesteps * units(step.operation)))
        rate = _rate(step.use.activity)
        needed = break_even_rate(timesteps, max(1, inputs), zeros, energies)
        rows.append(
            {
                "layer": work.calls[row].layer,
                "call": work.calls[row].call_index,
                "timesteps": timesteps,
                "bits": matched_bits(timesteps),
                "inputs": inputs,
                "rate": rate,
                "break_even_rate": needed,
                "wins": rate < needed,
            }
        )
    return rows


def _rate(seen: Activity | None) -> float:
    """Spikes per neuron and timestep; NaN where they were not observed."""
    if seen is None or not seen.elements:
        return math.nan
    return seen.spikes_or_events / seen.elements


@dataclass(frozen=True, kw_only=True)
class Energies:
    """Energies of both networks for one neuron, all in the same unit.

    Attributes
    ----------
    mac, ac : float
        A multiply-accumulate of that many bits, and an accumulate.
    weight : float
        A weight read from memory.
    update : float
        Update of a neuron in a timestep: potential, threshold, reset.
    spike, activation : float
        A spike, and an activation, brought to the neuron.
    """

    mac: float
    ac: float
    weight: float = 0.0
    update: float = 0.0
    spike: float = 0.0
    activation: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ScenarioError(f"{name}: expected a finite energy of at least 0, got {value!r}")
        if self.ac + self.weight + self.spike == 0:
            raise ScenarioError("ac, weight and spike are all 0: spikes would cost nothing at any rate")


def matched_bits(timesteps: int) -> int:
    """Bits of the activations that tell as many values apart: ``ceil(log2(timesteps + 1))``.

    Parameters
    ----------
    timesteps : int
        Of the spiking network.

    Returns
    -------
    int

    Raises
    ------
    ScenarioError
        If there is less than one timestep.
    """
    if timesteps < 1:
        raise ScenarioError(f"timesteps must be at least 1, got {timesteps!r}")
    return timesteps.bit_length()


def break_even_rate(timesteps: int, inputs: int, zeros: float, energies: Energies) -> float:
    """Spikes per neuron and timestep below which the spiking network costs less.

    For one neuron with n inputs, at rate s, over T timesteps, with the fraction g of zeros among the
    activations of the conventional network::

        E_spiking      = T s n (e_ac + e_weight + e_spike) + T e_update
        E_conventional = (1 - g) n (e_mac + e_weight + e_activation)

    Parameters
    ----------
    timesteps : int
        T.
    inputs : int
        n, of one neuron.
    zeros : float
        g: activations that are zero, which the conventional accelerator skips; 0 for one that does not.
    energies : Energies
        Of both.

    Returns
    -------
    float
        s where both cost the same; 0 where updates alone cost more, 1 where even a spike in every timestep
        costs less.

    Raises
    ------
    ScenarioError
        If there are no timesteps or inputs, or `zeros` is no fraction.
    """
    matched_bits(timesteps)
    if inputs < 1:
        raise ScenarioError(f"inputs must be at least 1, got {inputs!r}")
    if not 0 <= zeros <= 1:
        raise ScenarioError(f"zeros must be a fraction, got {zeros!r}")
    conventional = (1 - zeros) * inputs * (energies.mac + energies.weight + energies.activation)
    spiking = timesteps * inputs * (energies.ac + energies.weight + energies.spike)
    return min(1.0, max(0.0, (conventional - timesteps * energies.update) / spiking))
