"""Elementwise work: the update of neurons, whose state is read and written in every timestep."""

from __future__ import annotations

from energyprobe.costing.kernels.parts import Constants, Parts, Problem
from energyprobe.costing.kernels.rates import Rates


def elementwise(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """One operation on each of m·k·n elements, in every timestep.

    ::

        T = steps launch + steps accesses b mkn / (beta dram)

    A fused kernel over T timesteps reads and writes its state once: give the accesses per element and
    timestep that are left, and ``steps = 1``.

    Parameters
    ----------
    problem : Problem
        m·k·n elements. Options ``accesses``: reads and writes per element and step (2: a value in, a value
        out; a leaky integrate-and-fire neuron about 5: input, voltage and refractory time in, both and the
        spike out); ``steps``: kernels, one per timestep.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, beta``.

    Returns
    -------
    Parts
        Of all steps.
    """
    elements = problem.m * problem.k * problem.n
    steps = problem.options.get("steps", 1.0)
    moved = steps * problem.options.get("accesses", 2.0) * chip.item * elements
    return Parts(
        launch=steps * constants["launch"] + 0.0 * elements,
        compute=steps * elements / (chip.sms * chip.clock_hz * 32.0),
        memory=moved / (constants["beta"] * chip.dram),
        flops=steps * elements,
        dram_bytes=moved,
    )
