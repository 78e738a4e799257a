"""The table: which rule counts which type of layer.

Dispatch goes along the layer's types, most derived first, and trusts a rule only where the layer runs the
methods that the rule was written for: a subclass that overrides one is a container of raw operations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from energyprobe.errors import OptionError
from energyprobe.frontends.keras.framework import Framework
from energyprobe.frontends.keras.rules import (
    activations,
    attention,
    moving,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    spiking,
    synaptic,
    wrapping,
)
from energyprobe.frontends.keras.rules.base import Rule
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps
from energyprobe.frontends.keras.rules.raw import CONTAINER
from energyprobe.trace.operations import AnyOperation, Decode, Encode, Product

KERAS_RULES: dict[str, Rule] = {
    **synaptic.RULES,
    **activations.RULES,
    **moving.RULES,
    **pooling.RULES,
    **normalization.RULES,
    **preprocessing.RULES,
    **attention.RULES,
    **recurrent.RULES,
}
"""Rule of each layer of Keras that is counted alike whatever is in it; see `RuleTable` for the others."""

WRAPPING = ("RNN", "GRU", "TimeDistributed")
"""Layers of Keras whose rule depends on what they wrap."""

CONTAINERS = {
    "Bidirectional": "its two layers count on their own",
    "JaxLayer": "what JAX runs is listed as uncounted",
    "FlaxLayer": "what JAX runs is listed as uncounted",
    "Lambda": "counted by its raw operations",
    "Layer": "counted by the raw operations of a subclass",
    "Pipeline": "its layers count on their own",
    "SpectralNormalization": "its layer counts on its own; weights are normalised in training only",
    "StackedRNNCells": "its cells count on their own",
    "TFSMLayer": "what a saved model runs is listed as uncounted",
    "TorchModuleWrapper": "runs on the torch backend only",
    "Wrapper": "counted by the raw operations of a subclass",
    "AbstractRNNCell": "counted by the raw operations of a subclass",
    "AutoContrast": "counted by its raw operations",
    "ContrastLimitedAdaptiveHistogramEqualization": "counted by its raw operations",
    "MelSpectrogram": "counted by its raw operations; Fourier transforms are listed as uncounted",
    "STFTSpectrogram": "counted by its raw operations",
}
"""Layers of Keras without a rule, and what becomes of them."""

_TRUSTED = ("call", "convolution_op", "_compute_attention", "_calculate_scores", "_apply_scores")


class RuleTable:
    """Finds the rule of a layer.

    Parameters
    ----------
    framework : Framework
        The model's Keras.
    own : mapping of type to callable
        The user's rules: ``rule(call)`` gives operations or step drafts.
    """

    def __init__(self, framework: Framework, own: Mapping[type, Callable[[Call], Any]]) -> None:
        self._keras = framework.keras
        self._rules: dict[type, Rule | Callable[[Any], Rule]] = {}
        # A cell may count its state, which shows only in the loop: not plain.
        self._own = {
            cls: Rule(_from_user(cls, rule), keeps_samples=False, plain=False) for cls, rule in own.items()
        }
        layers = framework.keras.layers
        for name, rule in KERAS_RULES.items():
            if hasattr(layers, name):
                self._rules[getattr(layers, name)] = rule
        self._rules[layers.RNN] = self._around_cell
        self._rules[layers.GRU] = self._around_cell
        self._rules[layers.TimeDistributed] = self._time_distributed
        keras_spiking = sys.modules.get("keras_spiking")
        if keras_spiking is not None:
            for name, rule in spiking.RULES.items():
                self._rules[getattr(keras_spiking.layers, name)] = rule

    def __call__(self, layer: Any) -> Rule:
        """Give the rule of a layer."""
        mro = type(layer).__mro__
        for cls in mro:
            if cls in self._own:
                return self._own[cls]
        for cls in mro:
            if cls in self._rules:
                rule = self._rules[cls]
                if not _runs_as(layer, cls):
                    return CONTAINER
                return rule if isinstance(rule, Rule) else rule(layer)
        return CONTAINER

    def _time_distributed(self, layer: Any) -> Rule:
        return wrapping.time_distributed(layer.layer, self(layer.layer))

    def _around_cell(self, layer: Any) -> Rule:
        """Give the rule of an ``RNN``, which depends on its cell."""
        cell = layer.cell
        if recurrent.is_known_cell(self._keras, cell):
            return recurrent.KNOWN_CELL_LAYER
        inner = self(cell)
        return recurrent.around_cell(cell, inner) if inner.plain else recurrent.LOOP


def _runs_as(layer: Any, cls: type) -> bool:
    """Whether a layer runs the methods of a class as they are."""
    return all(getattr(type(layer), name, None) is getattr(cls, name, None) for name in _TRUSTED)


def _from_user(cls: type, rule: Callable[[Call], Any]) -> Callable[[Call], Steps]:
    """Turn what a user's rule gives into steps; the first input is what a synaptic operation reads."""

    def steps(call: Call) -> Steps:
        given = rule(call)
        listed = given if isinstance(given, (list, tuple)) else [given]
        return [each if isinstance(each, StepDraft) else draft(call, each) for each in listed]

    def draft(call: Call, given: Any) -> StepDraft:
        if isinstance(given, AnyOperation) and not isinstance(given, Product | Decode | Encode):
            return StepDraft(given, call.input)
        raise OptionError(
            f"KerasProbe(layers={{{cls.__qualname__}: …}}): the rule gave {given!r}; a rule gives operations "
            "of energyprobe.trace.operations that read one tensor, such as Dense, Conv or NeuronUpdate"
        )

    return steps
