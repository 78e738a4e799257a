"""Every layer of Keras has a rule, or is a container for a stated reason; users bring rules of their own."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.frontends.keras.framework import framework_of
from energyprobe.frontends.keras.rules.raw import CONTAINER
from energyprobe.frontends.keras.rules.table import CONTAINERS, KERAS_RULES, WRAPPING, RuleTable
from energyprobe.trace.operations import Conv, Dense, Elementwise, Encode, NeuronUpdate, Product

SAMPLES = 3


def layer_classes(keras):
    """Public layers of Keras, aliases joined."""
    named = {}
    for name, cls in vars(keras.layers).items():
        if inspect.isclass(cls) and issubclass(cls, keras.layers.Layer):
            named.setdefault(cls, set()).add(name)
    return named


@pytest.mark.oldest
def test_every_layer_is_in_the_table(keras):
    """A layer that is new in Keras fails here, until somebody decides what becomes of it."""
    known = {*KERAS_RULES, *WRAPPING, *CONTAINERS}
    unknown = [names for names in layer_classes(keras).values() if not names & known]
    assert not unknown
    assert all(CONTAINERS.values()), "each with its reason"
    assert len(layer_classes(keras)) > 100


def test_no_layer_is_in_the_table_twice_or_in_vain(keras, generation):
    assert not set(KERAS_RULES) & (set(WRAPPING) | set(CONTAINERS))
    import tf_keras

    everywhere = set(vars(keras.layers)) | set(vars(tf_keras.layers))
    if generation > 2:
        gone = {*KERAS_RULES, *WRAPPING, *CONTAINERS} - everywhere
        assert not gone


@pytest.mark.oldest
def test_the_table_finds_what_it_holds(keras):
    framework = framework_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    table = RuleTable(framework, {})
    layers = keras.layers
    assert table(layers.Dense(2)) is KERAS_RULES["Dense"]
    assert table(layers.Lambda(lambda x: x)) is CONTAINER
    assert table(layers.Bidirectional(layers.LSTM(2))) is CONTAINER

    class Own(layers.Dense):
        pass

    class Other(layers.Dense):
        def call(self, inputs):
            return inputs

    assert table(Own(2)) is KERAS_RULES["Dense"]
    assert table(Other(2)) is CONTAINER


@pytest.mark.oldest
def test_a_layer_with_a_rule_of_the_users_own(keras, random, record):
    """The rule stands for all that the layer does, and for its subclasses."""
    import tensorflow as tf

    class Mine(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 7), name="kernel")
            super().build(shape)

        def call(self, x):
            return tf.nn.relu(tf.cumsum(tf.matmul(x, self.kernel), 1))

    class Derived(Mine):
        pass

    seen = []

    def rule(call):
        seen.append((type(call.layer), call.input_shape, call.output_shape, call.time, len(call.inputs)))
        inputs = call.input_shape[-1]
        return [
            call.synaptic(Dense(inputs=inputs, units=7, positions=call.input_shape[0]), call.layer.kernel),
            *call.elementwise("relu"),
            *call.elementwise("cumsum"),
            NeuronUpdate(neuron="mine", neurons=35),
        ]

    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, Derived(name="mine")(inputs))
    kernel = random.choice([0.0, 1.0], (4, 7))
    model.set_weights([kernel])
    x = random.choice([0.0, 2.0], (SAMPLES, 5, 4)).astype("float32")
    trace = record(model, x, layers={Mine: rule})
    (call,) = trace.calls
    assert [step.operation for step in call.steps] == [
        Dense(inputs=4, units=7, positions=5),
        Elementwise(function="relu", elements=35),
        Elementwise(function="cumsum", elements=35),
        NeuronUpdate(neuron="mine", neurons=35),
    ]
    assert {step.executions for step in call.steps} == {SAMPLES}
    by_input = np.count_nonzero(x.reshape(-1, 4), 0)
    assert call.steps[0].use.fanout_events == 7 * np.count_nonzero(x)
    assert call.steps[0].use.effective_events == np.sum(by_input * np.count_nonzero(kernel, 1))
    assert seen[0] == (Derived, (5, 4), (5, 7), False, 1)
    row = ep.counts(trace).iloc[0]
    assert (row.neuron_updates, row.elementwise_ops, row.parameters) == (35 * SAMPLES, 70 * SAMPLES, 28)
    # The rule belongs to its probe.
    assert "neuron_update" not in ep.counts(record(model, x)).operations[0]


def test_a_rule_may_give_one_operation_without_weights(keras, random, record):
    """Without weights effective synaptic operations stay unknown; another rule may replace Keras' own."""

    def rule(call):
        shape = tuple(call.input_shape)
        ones = (1, 1)
        return Conv(
            input_shape=shape[:2],
            output_shape=shape[:2],
            channels=shape[2],
            filters=2,
            kernel=ones,
            strides=ones,
            dilation=ones,
            padding=(0, 0),
        )

    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    x = random.choice([0.0, 2.0], (SAMPLES, 5, 4, 3)).astype("float32")
    row = ep.counts(record(model, x, layers={keras.layers.Dense: rule})).iloc[0]
    assert (row.kind, row.event_synops) == ("conv", 2 * np.count_nonzero(x))
    assert row.isna().effective_synops


@pytest.mark.parametrize(
    "given", [None, 3, Product(rows=2, shared=5, columns=3), Encode(dimensions=5, neurons=2)]
)
def test_a_rule_that_gives_what_cannot_be_observed(keras, random, record, given):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, name="hidden")])
    with pytest.raises(ep.OptionError) as caught:
        record(model, random.rand(SAMPLES, 5), layers={keras.layers.Dense: lambda call: [given]})
    assert str(caught.value) == (
        f"KerasProbe(layers={{Dense: …}}): the rule gave {given!r}; a rule gives operations "
        "of energyprobe.trace.operations that read one tensor, such as Dense, Conv or NeuronUpdate"
    )


def test_a_rule_that_says_that_nothing_can_be_counted(keras, random, record):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    trace = record(
        model, random.rand(SAMPLES, 5), layers={keras.layers.Dense: lambda call: call.uncounted("why")}
    )
    assert trace.calls[0].fate == "uncounted"
    assert trace.calls[0].steps[0].operation.reason == "why"
