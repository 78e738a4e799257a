"""Models with steps and functions of their own: recorded exactly, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

SAMPLES = 11
MATRIX = np.array([[1, 0, 2, 0], [0, 1, 0, 0], [3, 0, 0, 1]], "float32")


@pytest.fixture
def x(random):
    return random.randint(-2, 3, (SAMPLES, 7)).astype("float32")


def inputs_of(data):
    return data[0] if isinstance(data, (list, tuple)) else data


@pytest.fixture
def network(keras, random):
    """``network(base)``: a model 7 → 5 → 3 of a class, with small integers for weights."""

    def build(base):
        inputs = keras.Input((7,), name="events_in")
        hidden = keras.layers.Dense(5, activation="relu", name="first")(inputs)
        model = base(inputs, keras.layers.Dense(3, name="last")(hidden), name="net")
        model.set_weights([random.randint(-1, 2, each.shape) for each in model.get_weights()])
        return model

    return build


def assert_identical(model, x, predict):
    plain = predict(model, x)
    probe = ep.KerasProbe()
    assert np.array_equal(predict(model, x, probe), plain)
    return probe.trace, {call.key: call for call in probe.trace.calls}


def events(call):
    return call.steps[0].use.activity.events


def hidden_of(model, x):
    kernel, bias = model.get_layer("first").get_weights()
    return np.maximum(x @ kernel + bias, 0)


@pytest.mark.oldest
def test_what_a_predict_step_does_around_the_model_counts(keras, network, x, predict):
    import tensorflow as tf

    class Around(keras.Model):
        def predict_step(self, data):
            return tf.matmul(self(inputs_of(data) * 2.0, training=False), MATRIX)

    model = network(Around)
    trace, calls = assert_identical(model, x, predict)
    assert list(calls) == ["first", "last", "predict_step"]
    assert events(calls["first"]) == (x != 0).sum()
    assert events(calls["last"]) == (hidden_of(model, 2 * x) != 0).sum()
    step = calls["predict_step"]
    assert step.inputs == ("input:data", "last")
    assert trace.outputs == ("predict_step",)
    product = next(each for each in step.steps if each.use is not None)
    assert (product.operation.inputs, product.operation.units, product.executions) == (3, 4, SAMPLES)
    kernel, bias = model.get_layer("last").get_weights()
    assert product.use.fanout_events == (hidden_of(model, 2 * x) @ kernel + bias != 0).sum() * 4


@pytest.mark.oldest
def test_a_model_that_its_step_calls_twice(keras, network, x, predict):
    class Twice(keras.Model):
        def predict_step(self, data):
            data = inputs_of(data)
            return self(data, training=False) + self(-data, training=False)

    model = network(Twice)
    trace, calls = assert_identical(model, x, predict)
    assert trace.samples == SAMPLES
    assert events(calls["first"]) == events(calls["first#1"]) == (x != 0).sum()
    assert events(calls["last"]) == (hidden_of(model, x) != 0).sum()
    assert events(calls["last#1"]) == (hidden_of(model, -x) != 0).sum()
    assert calls["last"].inputs == ("first",)
    assert calls["last#1"].inputs == ("first#1",)


def test_a_step_that_calls_the_parts_of_its_model(keras, random, x, predict):
    class Parts(keras.Model):
        def __init__(self):
            super().__init__(name="net")
            encoder = [keras.Input((7,)), keras.layers.Dense(5, activation="relu", name="e")]
            self.encoder = keras.Sequential(encoder, name="encoder")
            self.decoder = keras.Sequential(
                [keras.Input((5,)), keras.layers.Dense(7, name="d")], name="decoder"
            )

        def call(self, inputs):
            return self.decoder(self.encoder(inputs))

        def predict_step(self, data):
            return self.decoder(self.encoder(inputs_of(data)))

    model = Parts()
    model(x)
    trace, calls = assert_identical(model, x, predict)
    assert trace.outputs == ("d",)
    assert calls["d"].inputs == ("e",)
    assert events(calls["e"]) == (x != 0).sum()


def test_what_a_step_does_not_give_is_not_counted(keras, network, x, predict):
    """TensorFlow does not run it."""

    class Ignoring(keras.Model):
        def predict_step(self, data):
            self(inputs_of(data), training=False)
            return self.get_layer("first")(inputs_of(data))

    trace, calls = assert_identical(network(Ignoring), x, predict)
    assert trace.outputs == tuple(calls)
    (call,) = calls.values()
    assert call.layer == "first"
    assert call.samples == SAMPLES


@pytest.mark.oldest
@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_a_step_that_bypasses_the_model_is_refused(keras, network, x, predict, eagerly):
    import tensorflow as tf

    class Bypassing(keras.Model):
        def predict_step(self, data):
            return tf.matmul(inputs_of(data), self.get_layer("first").kernel)

    model, probe = network(Bypassing), ep.KerasProbe()
    model.compile(run_eagerly=eagerly)
    plain = predict(model, x)
    for _ in range(2):
        with pytest.raises(
            ep.RecordingError, match="the predict_step of model 'net' runs no layer by calling it"
        ):
            predict(model, x, probe)
        with pytest.raises(ep.RecordingError, match="broke off"):
            _ = probe.trace
        assert np.array_equal(predict(model, x), plain)


@pytest.mark.oldest
def test_a_test_step_of_its_own(keras, network, x):
    import tensorflow as tf

    class Testing(keras.Model):
        def test_step(self, data):
            inputs, targets = data
            made = self(inputs * 2.0, training=False)
            return {"loss": tf.reduce_mean(tf.matmul(made - targets, MATRIX))}

    model, probe = network(Testing), ep.KerasProbe()
    model.compile(loss="mse")
    arguments = {"batch_size": 4, "verbose": 0, "return_dict": True}
    plain = model.evaluate(x, x[:, :3], **arguments)
    assert model.evaluate(x, x[:, :3], **arguments, callbacks=[probe]) == plain
    calls = {call.key: call for call in probe.trace.calls}
    assert list(calls) == ["first", "last", "test_step"]
    assert [step.operation.function for step in calls["test_step"].steps] == ["mul"], "not the loss"
    assert probe.trace.outputs == ("last",)


def test_a_function_of_its_own_that_runs_the_step(keras, network, x, predict):
    """Even through a helper."""

    class Making(keras.Model):
        def helper(self, batch):
            return self.predict_step(batch)

        def make_predict_function(self, force=False):
            if self.predict_function is None or force:
                runs = []

                def function(batches):
                    batch = next(batches) if hasattr(batches, "__next__") else batches[0]
                    runs.append(batch)
                    return self.helper(batch)

                self.predict_function = function
            return self.predict_function

    model = network(Making)
    trace, calls = assert_identical(model, x, predict)
    assert trace.samples == SAMPLES
    assert events(calls["first"]) == (x != 0).sum()


@pytest.mark.parametrize("where", ["in the class", "in the model"])
def test_a_function_of_its_own_that_runs_the_model_is_refused(keras, network, x, predict, where):
    def make_predict_function(self, force=False):
        def function(batches):
            batch = next(batches) if hasattr(batches, "__next__") else batches[0]
            return self(inputs_of(batch), training=False)

        self.predict_function = self.predict_function or function
        return self.predict_function

    if where == "in the class":
        model = network(type("Making", (keras.Model,), {"make_predict_function": make_predict_function}))
        expected = "a make_predict_function or make_test_function of its own that calls the model itself"
    else:
        model = network(keras.Model)
        object.__setattr__(
            model, "make_predict_function", lambda force=False: make_predict_function(model, force)
        )
        expected = "has a make_predict_function of its own, which KerasProbe cannot look into"
    plain, held = predict(model, x), dict(vars(model))
    with pytest.raises(ep.RecordingError, match=expected):
        predict(model, x, ep.KerasProbe())
    assert vars(model).get("make_predict_function") is held.get("make_predict_function")
    assert vars(model)["predict_function"] is held["predict_function"]
    assert np.array_equal(predict(model, x), plain)
