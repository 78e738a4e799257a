"""Decode neurons: what a chip of spikes puts between ensembles, so that a decoded value travels as spikes.

For a connection of d dimensions from ensemble to ensemble, with n neurons (`Constants.decode_neurons`) and r
spikes per second (`Constants.decode_spikes`) for each dimension, per inference of T timesteps of dt seconds::

    decode spikes = r d T dt
    synops = pre spikes x n d + decode spikes x post neurons
    updates = n d T

No recording holds decode neurons: all of this is an estimate. Scheme: NengoLoihi, `builder/connection.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from energyprobe.costing.chip_figures import Constants
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.mapping import Mapping
from energyprobe.costing.table import Array
from energyprobe.costing.traffic import messages_of, update_prices
from energyprobe.costing.work import Work
from energyprobe.trace.operations import Decode, Encode, Synaptic
from energyprobe.trace.records import LayerCall, Step

TERM = "decode_neurons"
"""What decode neurons, all that reaches them and all that they send is charged under."""


@dataclass(frozen=True, eq=False)
class Decoding:
    """The decoded connections of a network as decode neurons run them; amounts are per inference.

    Attributes
    ----------
    work : Work
        The network without the decoders and encoders that decode neurons stand for. Its calls have the
        neurons and weights that lie on the chip in their place.
    connections : int
        Decoded connections.
    synops : ndarray, shape (3, rows)
        Accumulates of decode neurons (rows of connections) and of the ensembles that they feed: with as
        many decode spikes as the value, low and high end of the figure say.
    received : ndarray, shape (3, rows)
        Spikes that arrive at both.
    sent : ndarray, shape (3, rows)
        Spikes of decode neurons.
    updates : ndarray, shape (rows,)
        Updates of decode neurons.
    """

    work: Work
    connections: int
    synops: Array
    received: Array
    sent: Array
    updates: Array


@dataclass(frozen=True)
class _Link:
    """A decoded connection: entries of the decoders, and of the encoders of the ensemble that it feeds."""

    source: int
    decoder: Decode
    dt: float
    target: int
    encoder: Encode


def decode(work: Work, constants: Constants) -> Decoding:
    """Put decode neurons in the place of decoders between ensembles, where a chip has them.

    Parameters
    ----------
    work : Work
        The network.
    constants : Constants
        Of the chip.

    Returns
    -------
    Decoding
    """
    synops, received, sent = np.zeros((3, 3, len(work.calls)))
    updates = np.zeros(len(work.calls))
    neurons, rate = constants.decode_neurons, constants.decode_spikes
    if neurons is None or rate is None:
        return Decoding(work, 0, synops, received, sent, updates)
    links, each, reading = list(_links(work)), round(neurons.value_si), work["spike_synops"]
    for link in links:
        row, post, dimensions = work.row[link.source], work.row[link.target], link.decoder.dimensions
        # synops/inference / (synops/spike) = spikes/inference
        spikes = reading[link.source] / dimensions
        # spikes/(s * dimension) * dimensions * s/timestep * timesteps/inference = spikes/inference
        decoded = ends(rate) * dimensions * link.dt * work.timesteps[row]
        synops[:, row] += spikes * each * dimensions
        synops[:, post] += decoded * link.encoder.neurons
        received[:, row] += spikes
        received[:, post] += decoded
        sent[:, row] += decoded
        updates[row] += each * dimensions * work.timesteps[row]
    return Decoding(_replaced(work, links, each), len(links), synops, received, sent, updates)


def charge_decode_neurons(
    ledger: Ledger, mapping: Mapping, decoding: Decoding, active: Array, constants: Constants
) -> None:
    """Charge a term of its own, at the figures that the chip has for any neuron and spike.

    Parameters
    ----------
    ledger : Ledger
        Where to.
    mapping : Mapping
        Where the network lies.
    decoding : Decoding
        What is charged; nothing where there are no decoded connections.
    active : ndarray, shape (rows,)
        Fraction of updates that an event had reached.
    constants : Constants
        Of the chip.
    """
    if not decoding.connections or constants.decode_spikes is None:
        return
    messages = messages_of(decoding.received, np.arange(len(active)), mapping)
    for figure, amounts in (
        (constants.acs, decoding.synops),
        (constants.spikes, decoding.sent),
        (constants.messages, messages),
        (constants.hops, messages * mapping.hops),
    ):
        if figure is not None:
            joules = amounts * ends(figure)[:, None]
            ledger.charge_rows(TERM, amounts[0], joules, (figure, constants.decode_spikes))
    if constants.neuron_updates is not None:
        joules = decoding.updates * update_prices(constants.neuron_updates, active)
        ledger.charge_rows(TERM, decoding.updates, joules, (constants.neuron_updates,))


def decode_notes(decoding: Decoding, constants: Constants) -> list[str]:
    """Say that decode neurons are an estimate.

    Parameters
    ----------
    decoding : Decoding
        The decoded connections.
    constants : Constants
        Of the chip.

    Returns
    -------
    list of str
        A sentence without full stop; none where there are no decoded connections.
    """
    neurons, rate = constants.decode_neurons, constants.decode_spikes
    if not decoding.connections or neurons is None or rate is None:
        return []
    low, _, high = (f"{each:g}" for each in (rate.low_si, rate.value_si, rate.high_si))
    return [
        f"decoded connections between ensembles run through decode neurons, {neurons.value_si:g} for each "
        f"dimension. The recording has none: what they cost is an estimate, {rate.value_si:g} spikes per "
        f"second and dimension (low {low} for the value 0, high {high} for values of the size of the radius)"
    ]


def _links(work: Work) -> Iterator[_Link]:
    decoders = {}
    for entry, step in enumerate(work.steps):
        call = work.calls[work.row[entry]]
        if step is not None and isinstance(step.operation, Decode) and call.dt is not None:
            # Spikes that were not observed stay with the decoders: unknown.
            if step.use is not None and step.use.fanout_spikes is not None:
                decoders[call.key] = (entry, step.operation, call.dt)
    for entry, step in enumerate(work.steps):
        if step is not None and isinstance(step.operation, Encode):
            for key in work.calls[work.row[entry]].inputs:
                if key in decoders:
                    yield _Link(*decoders[key], entry, step.operation)


def _replaced(work: Work, links: list[_Link], each: int) -> Work:
    """Leave out what decode neurons stand for; encoders stay where they also read a value of other origin."""
    spiking = {call.key for call in work.calls if any(map(_reads_spikes, call.steps))}
    gone = {link.source for link in links}
    gone |= {link.target for link in links if spiking.issuperset(work.calls[work.row[link.target]].inputs)}
    rows = {work.row[entry] for link in links for entry in (link.source, link.target)}
    kept = [entry for entry in range(len(work.row)) if entry not in gone]
    return dataclasses.replace(
        work,
        calls=tuple(_on_chip(call, each) if row in rows else call for row, call in enumerate(work.calls)),
        steps=tuple(work.steps[entry] for entry in kept),
        counts=tuple(work.counts[entry] for entry in kept),
        row=work.row[kept],
    )


def _reads_spikes(step: Step) -> bool:
    return isinstance(step.operation, Synaptic) and step.use is not None and step.use.spiking


def _on_chip(call: LayerCall, each: int) -> LayerCall:
    """Give a call the neurons and weights that stand for its decoders and encoders."""
    return replace(call, steps=tuple(_step_on_chip(step, each) for step in call.steps))


def _step_on_chip(step: Step, each: int) -> Step:
    operation = step.operation
    if isinstance(operation, Decode):
        neurons = replace(operation, dimensions=operation.dimensions * each)
        return replace(step, operation=neurons, weights=step.weights * each)
    # Neurons of the same sign and dimension share their encoders: one row for each sign.
    return replace(step, weights=2 * step.weights) if isinstance(operation, Encode) else step
