"""Figures of an event-driven chip: what each measures, and the term that it is charged under."""

from __future__ import annotations

import msgspec

from energyprobe.costing.figures import Dimension, Figure


class Constants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures of an event-driven chip; None where there is none.

    Attributes
    ----------
    macs, acs : Figure or None
        Energy of one synaptic operation on a graded event, and on a spike.
    neuron_updates : Figure or None
        Energy of the update of a neuron in a timestep: low if nothing reached it, high if something did.
    decode_neurons, decode_spikes : Figure or None
        Neurons that stand between ensembles for each dimension of a decoded connection, and spikes per
        second of those of one dimension: low for the value 0, high for values of the size of the radius.
    spikes : Figure or None
        Energy of sending a spike, whoever receives it.
    messages, hops : Figure or None
        Energy of a spike for each core that receives it, and for each tile that it passes on the way.
    static_w, core_static_w, idle_w : Figure or None
        Power of a chip whatever it does; of a core in use; of a chip that waits for the next inference.
    host_w : Figure or None
        Power of what stands beside each chip and drives it.
    reset : Figure or None
        Energy of preparing a chip for the next inference.
    synop_s, update_s, barrier_s : Figure or None
        Time of one synaptic operation and one neuron update in a core, and of ending a timestep.
    timestep_s : Figure or None
        Length of a timestep where a clock gives it.
    neurons_per_core, synapses_per_core, cores_per_chip, cores_per_tile, chips : Figure or None
        What it holds; `chips` is the most that work together.
    """

    macs: Figure | None = None
    acs: Figure | None = None
    neuron_updates: Figure | None = None
    decode_neurons: Figure | None = None
    decode_spikes: Figure | None = None
    spikes: Figure | None = None
    messages: Figure | None = None
    hops: Figure | None = None
    static_w: Figure | None = None
    core_static_w: Figure | None = None
    idle_w: Figure | None = None
    host_w: Figure | None = None
    reset: Figure | None = None
    synop_s: Figure | None = None
    update_s: Figure | None = None
    barrier_s: Figure | None = None
    timestep_s: Figure | None = None
    neurons_per_core: Figure | None = None
    synapses_per_core: Figure | None = None
    cores_per_chip: Figure | None = None
    cores_per_tile: Figure | None = None
    chips: Figure | None = None

    @property
    def draws_in_pauses(self) -> bool:
        """Whether it is known what it draws between inferences: idle, or else by leaking."""
        return self.idle_w is not None or self.static_w is not None


DIMENSIONS: dict[str, Dimension] = {
    **dict.fromkeys(("static_w", "core_static_w", "idle_w", "host_w"), "power"),
    **dict.fromkeys(("synop_s", "update_s", "barrier_s", "timestep_s"), "time"),
    **dict.fromkeys(
        (
            "decode_neurons",
            "neurons_per_core",
            "synapses_per_core",
            "cores_per_chip",
            "cores_per_tile",
            "chips",
        ),
        "number",
    ),
    "decode_spikes": "frequency",
}
"""What the constants measure, where it is not the energy of one operation."""

TERM_OF = {
    "macs": "macs",
    "acs": "acs",
    "neuron_updates": "neuron_updates",
    "spikes": "spikes",
    "messages": "communication",
    "hops": "communication",
    "static_w": "static",
    "core_static_w": "static",
    "idle_w": "idle",
    "host_w": "host",
    "reset": "reset",
}
"""Constants of energy and power to the terms that they are charged under."""
