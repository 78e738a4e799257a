"""The table: which rule counts which type of layer.

Dispatch goes along the layer's types, most derived first, and trusts a rule only where the layer runs the
``call`` that the rule was written for: a subclass that overrides it is a container of raw operations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from energyprobe.frontends.keras.framework import Framework
from energyprobe.frontends.keras.rules import (
    activations,
    moving,
    normalization,
    pooling,
    recurrent,
    spiking,
    synaptic,
    wrapping,
)
from energyprobe.frontends.keras.rules.base import Call, Rule, StepDraft, Steps

KERAS_RULES: dict[str, Rule] = {
    **synaptic.RULES,
    **activations.RULES,
    **moving.RULES,
    **pooling.RULES,
    **normalization.RULES,
    **recurrent.RULES,
}


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
        self._rules: dict[type, Rule] = {}
        self._own = {cls: Rule(_from_user(rule), keeps_samples=False) for cls, rule in own.items()}
        layers = framework.keras.layers
        for name, rule in KERAS_RULES.items():
            if hasattr(layers, name):
                self._rules[getattr(layers, name)] = rule
        keras_spiking = sys.modules.get("keras_spiking")
        if keras_spiking is not None:
            for name, rule in spiking.RULES.items():
                self._rules[getattr(keras_spiking.layers, name)] = rule

    def __call__(self, layer: Any) -> Rule | None:
        """Give the rule of a layer, or None where it is a container."""
        for cls in type(layer).__mro__:
            if cls in self._own:
                return self._own[cls]
        layers = self._keras.layers
        if type(layer) is layers.RNN:
            return self._around_cell(layer.cell)
        if type(layer) is layers.TimeDistributed:
            inner = self(layer.layer)
            return None if inner is None else wrapping.time_distributed(layer.layer, inner)
        for cls in type(layer).__mro__:
            rule = self._rules.get(cls)
            if rule is not None:
                return rule if type(layer).call is cls.call else None  # type: ignore[attr-defined]
        return None

    def _around_cell(self, cell: Any) -> Rule | None:
        """Give the rule of an ``RNN`` around a cell; None where the cell is a container, or has no rule."""
        if recurrent.is_known_cell(self._keras, cell):
            return recurrent.KNOWN_CELL_LAYER
        inner = self(cell)
        return None if inner is None or type(cell) in self._own else recurrent.around_cell(cell, inner)


def _from_user(rule: Callable[[Call], Any]) -> Callable[[Call], Steps]:
    """Turn what a user's rule gives into steps; the first input is what a synaptic operation reads."""

    def steps(call: Call) -> Steps:
        given = rule(call)
        listed = given if isinstance(given, (list, tuple)) else [given]
        return [each if isinstance(each, StepDraft) else StepDraft(each, call.input) for each in listed]

    return steps
