"""Every way of building a model: outputs bit for bit as without a probe, and the events that NumPy counts.

Weights and inputs are small integers, exact in float32, so that NumPy says which elements are zero.
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

SAMPLES, BATCH = 13, 5  # batches of 5, 5 and 3


def sequential(keras):
    dense = keras.layers.Dense
    layers = [
        dense(5, activation="relu", name="a"),
        dense(4, activation="relu", name="b"),
        dense(3, name="c"),
    ]
    return keras.Sequential([keras.Input((7,)), *layers], name="net")


def unnamed_input(keras):
    """Built by its first data, without an ``Input``."""
    dense = keras.layers.Dense
    model = keras.Sequential([dense(5, activation="relu", name="a"), dense(3, name="b")], name="net")
    model.build((None, 7))
    return model


def functional(keras):
    inputs = keras.Input((7,))
    left = keras.layers.Dense(5, activation="relu", name="left")(inputs)
    right = keras.layers.Dense(5, activation="relu", name="right")(inputs)
    both = keras.layers.Add()([left, right])
    return keras.Model(inputs, keras.layers.Dense(3, name="last")(both), name="net")


def nested(keras):
    inner = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4, activation="relu", name="in")], name="sub"
    )
    inputs = keras.Input((7,))
    hidden = inner(keras.layers.Dense(5, activation="relu", name="first")(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, name="last")(hidden), name="net")


def subclassed(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__(name="net")
            self.first = keras.layers.Dense(5, activation="relu", name="first")
            self.block = keras.Sequential([keras.layers.Dense(4, activation="relu", name="in")], name="block")
            self.last = keras.layers.Dense(3, name="last")

        def call(self, inputs, training=False):
            return self.last(self.block(self.first(inputs)))

    model = Net()
    model(np.zeros((1, 7), "float32"))
    return model


def shared(keras):
    twice = keras.layers.Dense(7, activation="relu", name="twice")
    inputs = keras.Input((7,))
    return keras.Model(inputs, keras.layers.Dense(3, name="last")(twice(twice(inputs))), name="net")


def several_inputs(keras):
    first, second = keras.Input((7,), name="first_in"), keras.Input((4,), name="second_in")
    hidden = keras.layers.Dense(5, activation="relu", name="a")(second)
    both = keras.layers.Concatenate(name="joined")([first, hidden])
    return keras.Model([first, second], keras.layers.Dense(3, name="last")(both), name="net")


def inputs_by_name(keras):
    model = several_inputs(keras)
    inputs = {"second_in": model.inputs[1], "first_in": model.inputs[0]}
    return keras.Model(inputs, model.outputs[0], name="net")


def several_outputs(keras):
    inputs = keras.Input((7,))
    hidden = keras.layers.Dense(5, activation="relu", name="hidden")(inputs)
    one, other = keras.layers.Dense(3, name="one")(hidden), keras.layers.Dense(2, name="other")(hidden)
    return keras.Model(inputs, [one, other], name="net")


def layer(model, x, path, relu=True):
    """What a dense layer of integer weights makes of its input."""
    for name in path.split("/"):
        model = next(each for each in model.layers if each.name == name)
    kernel, bias = model.get_weights()
    made = x @ kernel + bias
    return np.maximum(made, 0) if relu else made


def chain(*paths):
    """Inputs of layers that follow each other, by the key of their call."""

    def inputs(model, x):
        read = {}
        for path in paths:
            read[path] = x
            x = layer(model, x, path.split("#")[0])
        return read

    return inputs


def joined(model, x, other):
    return {"a": other, "last": np.concatenate([x, layer(model, other, "a")], axis=1)}


KINDS = {
    sequential: chain("a", "b", "c"),
    unnamed_input: chain("a", "b"),
    functional: lambda model, x: {
        "left": x,
        "right": x,
        "last": layer(model, x, "left") + layer(model, x, "right"),
    },
    nested: chain("first", "sub/in", "last"),
    subclassed: chain("first", "block/in", "last"),
    shared: chain("twice", "twice#1", "last"),
    several_inputs: joined,
    inputs_by_name: joined,
    several_outputs: lambda model, x: (
        {"hidden": x} | dict.fromkeys(("one", "other"), layer(model, x, "hidden"))
    ),
}


def with_integers(model, random):
    """Small integers are exact in float32, so NumPy finds the same zeros."""
    model.set_weights([random.randint(-1, 2, weight.shape) for weight in model.get_weights()])
    return model


def integers(random, *shape):
    return random.randint(-2, 3, shape).astype("float32")


def same(one, other):
    one, other = (each if isinstance(each, list) else [each] for each in (one, other))
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@pytest.mark.oldest
@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
@pytest.mark.parametrize("build", KINDS, ids=lambda build: build.__name__)
def test_events_of_every_kind_of_model(keras, random, build, eagerly):
    model = with_integers(build(keras), random)
    model.compile(run_eagerly=eagerly)
    data = [integers(random, SAMPLES, 7)]
    if "inputs" in build.__name__:
        data.append(integers(random, SAMPLES, 4))
    x = data[0] if len(data) == 1 else data
    if build is inputs_by_name:
        x = {"first_in": data[0], "second_in": data[1]}
    plain = model.predict(x, batch_size=BATCH, verbose=0)
    probe = ep.KerasProbe()
    outputs = model.predict(x, batch_size=BATCH, verbose=0, callbacks=[probe])
    assert same(outputs, plain)
    trace = probe.trace
    assert trace.samples == SAMPLES
    expected = KINDS[build](model, *data)
    counted = {call.key: call for call in trace.calls if call.type == "Dense"}
    assert set(counted) == set(expected)
    for key, call in counted.items():
        step, mask = call.steps[0], expected[key] != 0
        assert step.use.activity.events == mask.sum() > 0
        assert step.use.activity.elements == mask.size
        assert step.use.fanout_events == mask.sum() * step.operation.units
        assert step.executions == call.samples == SAMPLES


def test_inputs_and_outputs_are_named(keras):
    def recorded(build, *shapes):
        model, probe = build(keras), ep.KerasProbe()
        x = [np.ones((2, *shape), "float32") for shape in shapes]
        model.predict(x[0] if len(x) == 1 else x, verbose=0, callbacks=[probe])
        return probe.trace, {call.key: call.inputs for call in probe.trace.calls}

    trace, reads = recorded(several_inputs, (7,), (4,))
    assert reads["a"] == ("input:second_in",)
    assert reads["joined"] == ("input:first_in", "a")
    assert trace.outputs == ("last",)
    trace, reads = recorded(several_outputs, (7,))
    assert reads["one"] == reads["other"] == ("hidden",)
    assert trace.outputs == ("one", "other")
