"""Transforms, synapses and learning rules of a user's own: uncounted, with a warning, in both readings."""

from __future__ import annotations

import nengo
import nengo_dl
import numpy as np
import pytest
from nengo.builder import Builder

from energyprobe import NengoProbe, report
from energyprobe.counting.table import count
from energyprobe.frontends.nengo.learning import learning_operations
from energyprobe.trace.operations import Decode, Filter, Learning, Uncounted


class Reversing(nengo.transforms.Transform):
    """Hands on a vector in reverse order."""

    size_in = size_out = 3

    def sample(self, rng=np.random):
        return np.eye(3)[::-1]


def build_reversing(model, transform, sig_in, **settings):
    return model.build(nengo.Dense((3, 3), init=transform.sample()), sig_in, **settings)


class Halving(nengo.synapses.Synapse):
    """Halves what it is given."""

    def make_state(self, shape_in, shape_out, dt, dtype=None, y0=0):
        return {}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        return lambda t, signal: signal / 2


class Idle(nengo.learning_rules.LearningRuleType):
    """Learns nothing."""

    modifies = "decoders"
    probeable = ()

    def __init__(self):
        super().__init__(size_in=0)


@pytest.fixture(autouse=True)
def builders(monkeypatch):
    """What Nengo needs to build these types."""
    monkeypatch.setitem(Builder.builders, Reversing, build_reversing)
    monkeypatch.setitem(Builder.builders, Idle, lambda model, rule_type, rule: None)


OWN = {
    "transform": ({"transform": Reversing(), "synapse": None}, "Reversing", []),
    "synapse": ({"synapse": Halving()}, "Halving", [Decode(neurons=7, dimensions=3)]),
    "learning rule": (
        {"learning_rule_type": Idle(), "synapse": None},
        "Idle",
        [Decode(neurons=7, dimensions=3)],
    ),
}


@pytest.mark.filterwarnings("ignore:.*will be implemented in Python")
@pytest.mark.filterwarnings("ignore:.*has a learning rule and is also set to be trainable")
@pytest.mark.parametrize("relayed", [False, True])
@pytest.mark.parametrize("what", OWN)
def test_what_is_of_a_users_own_type_is_uncounted_in_both_readings(what, relayed, simulator) -> None:
    settings, name, counted = OWN[what]
    with nengo.Network(seed=0) as net:
        pre, post = nengo.Ensemble(7, 3, label="pre"), nengo.Ensemble(5, 3, label="post")
        target = nengo.Node(size_in=3, label="relay") if relayed else post
        nengo.Connection(pre, target, label="own", **settings)
        if relayed:
            nengo.Connection(target, post, synapse=None)
    sim = simulator(net)
    with pytest.warns(UserWarning) as caught, NengoProbe(sim) as probe:
        sim.run_steps(4)
    reason = f"{what} of unknown type {name}"
    assert f"own is not counted: {reason}" in [str(each.message) for each in caught]
    for reading in ("literal", "folded"):
        (call,) = [each for each in probe.trace.calls if each.reading == reading and each.fate == "uncounted"]
        # A filter does not keep a passthrough node from being composed away.
        assert call.path == (
            "pre -> post" if (what, relayed, reading) == ("synapse", True, "folded") else "own"
        )
        assert [step.operation for step in call.steps] == [*counted, Uncounted(reason=reason)]
        assert call.parameters == 7 * 3
        assert count(probe.trace, reading).total("event_synops") is None
    assert "own (Connection)" in str(report(probe.trace, "cpu"))


def test_rls_which_nengo_dl_does_not_build() -> None:
    """Error x (P pre), and P, of 7 rows and columns, updated twice: 7 * 3 + 2 * 7 * 7 products."""
    rule = nengo.learning_rules.RLS(pre_synapse=0.005)
    assert learning_operations(rule, (7, 3), (0, 0), False, 0.001) == [
        Learning(rule="RLS", macs=7 * 3 + 2 * 7 * 7),
        Filter(function="lowpass", elements=7, order=1),
    ]
    with nengo.Network(seed=0) as net:
        pre, post = nengo.Ensemble(7, 3), nengo.Node(size_in=3)
        connection = nengo.Connection(pre, post, learning_rule_type=rule)
        nengo.Connection(post, connection.learning_rule)
    with pytest.raises(nengo.exceptions.BuildError, match="No registered builder .*SimRLS"):
        nengo_dl.Simulator(net, progress_bar=False, device="/cpu:0")
