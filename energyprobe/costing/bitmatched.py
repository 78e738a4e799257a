"""A spiking network beside a conventional one of as many bits: the firing rate below which it costs less.

A network of integrate-and-fire neurons that runs T timesteps tells T + 1 values apart, as activations of
ceil(log2(T + 1)) bits do (Yan et al., arXiv:2409.08290). Neither has an advantage in accuracy by its code, so
energies of the two can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from energyprobe.errors import ScenarioError


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


def rate_bounds(timesteps: int, zeros: float) -> tuple[float, float]:
    """Firing rates that a network of as many bits can have, given its zeros.

    An activation that is not zero sends between one spike and one in every timestep.

    Parameters
    ----------
    timesteps : int
        T.
    zeros : float
        Fraction of activations that are zero.

    Returns
    -------
    tuple of float
        ``(1 - zeros) / T`` and ``1 - zeros``.

    Raises
    ------
    ScenarioError
        As `break_even_rate`.
    """
    matched_bits(timesteps)
    if not 0 <= zeros <= 1:
        raise ScenarioError(f"zeros must be a fraction, got {zeros!r}")
    return (1 - zeros) / timesteps, 1 - zeros
