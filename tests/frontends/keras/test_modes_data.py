"""Every kind of data that Keras takes: outputs bit for bit as without a probe, and one trace."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

SAMPLES, BATCH = 19, 8  # batches of 8, 8 and 3

# Keras 3 says so wherever the size of the data is not known beforehand, with a probe or without.
pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data")


@pytest.fixture
def batches(random):
    """Batches of inputs ``(batch, 7)`` and targets ``(batch, 3)``."""
    x = random.randint(-2, 3, (SAMPLES, 7)).astype("float32")
    y = random.randint(0, 2, (SAMPLES, 3)).astype("float32")
    return [(x[start : start + BATCH], y[start : start + BATCH]) for start in range(0, SAMPLES, BATCH)]


@pytest.fixture
def model(keras, random):
    layers = [keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((7,)), *layers])
    model.compile(loss="mse")
    return model


def recorded(run, *args, **kwargs):
    """Result and trace of a run with a probe."""
    probe = ep.KerasProbe()
    return run(*args, **kwargs, verbose=0, callbacks=[probe]), probe.trace


def joined(batches):
    return tuple(np.concatenate(part) for part in zip(*batches, strict=True))


@pytest.mark.oldest
@pytest.mark.parametrize("kind", ["dataset", "dataset of unknown size", "generator", "sequence"])
def test_kinds_of_data(keras, model, batches, kind):
    x, y = joined(batches)
    plain = model.predict(x, batch_size=BATCH, verbose=0)
    loss = model.evaluate(x, y, batch_size=BATCH, verbose=0)
    _, reference = recorded(model.predict, x, batch_size=BATCH)
    assert reference.samples == SAMPLES
    assert reference.calls[0].steps[0].use.activity.events == (x != 0).sum()

    outputs, trace = recorded(model.predict, **feeding(keras, kind, batches))
    assert np.array_equal(outputs, plain)
    assert trace == reference
    evaluated, trace = recorded(model.evaluate, **feeding(keras, kind, batches))
    assert evaluated == loss
    assert trace == reference


def feeding(keras, kind, batches):
    """Arguments of predict and evaluate that hand over the same batches."""
    import tensorflow as tf

    if kind == "dataset":
        return {"x": tf.data.Dataset.from_tensor_slices(joined(batches)).batch(BATCH)}
    if kind == "generator":
        return {"x": (batch for batch in batches), "steps": len(batches)}
    if kind == "sequence":
        base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

        class Batches(base):
            def __len__(self):
                return len(batches)

            def __getitem__(self, index):
                return batches[index]

        return {"x": Batches()}
    specs = (tf.TensorSpec((None, 7)), tf.TensorSpec((None, 3)))
    return {"x": tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=specs)}


def test_fewer_steps_than_the_data_have(model, batches):
    x, _ = joined(batches)
    plain = model.predict(x, batch_size=BATCH, steps=2, verbose=0)
    outputs, trace = recorded(model.predict, x, batch_size=BATCH, steps=2)
    assert np.array_equal(outputs, plain)
    assert trace.samples == len(outputs) == 2 * BATCH


def test_more_steps_than_the_data_have(keras, model, batches):
    outputs, trace = recorded(model.predict, **feeding(keras, "dataset", batches), steps=5)
    assert trace.samples == len(outputs) == SAMPLES


@pytest.mark.oldest
@pytest.mark.parametrize("number", [2, 3])
def test_data_that_end_before_the_steps_that_run_at_once(keras, generation, model, batches, number):
    """Keras 2 drops the results of steps that it had begun when the data end; Keras 3 gives them."""
    model.compile(loss="mse", steps_per_execution=2)
    data = feeding(keras, "dataset", batches[:number])
    if generation == 2 and number == 3:
        with pytest.raises(ep.RecordingError, match="ended within 2 steps that Keras runs at once"):
            recorded(model.predict, **data, steps=6)
    else:
        outputs, trace = recorded(model.predict, **data, steps=6)
        assert trace.samples == len(outputs) == sum(len(x) for x, _ in batches[:number])


def test_a_dataset_that_is_repeated(keras, model, batches):
    data = feeding(keras, "dataset", batches)["x"].repeat()
    for _ in range(2):
        outputs, trace = recorded(model.predict, data, steps=7)
        assert trace.samples == len(outputs) >= 2 * SAMPLES + BATCH
        model.compile(loss="mse", steps_per_execution=3)


def images(shape, *sizes):
    """Batches of images whose sizes TensorFlow does not know beforehand."""
    import tensorflow as tf

    made = [np.ones((BATCH, *size, 2), "float32") for size in sizes]
    return tf.data.Dataset.from_generator(lambda: iter(made), output_signature=tf.TensorSpec(shape))


@pytest.fixture
def pooled(keras):
    """A convolution (3, 2), of 5 filters, and a global pooling, which take images of any size."""

    def build(*size):
        convolution = keras.layers.Conv2D(5, (3, 2))
        return keras.Sequential([keras.Input((*size, 2)), convolution, keras.layers.GlobalMaxPooling2D()])

    return build


@pytest.mark.oldest
def test_sizes_that_only_the_model_declares(pooled):
    data = images((None, None, None, None), (9, 7), (9, 7))
    model = pooled(9, 7)
    outputs, trace = recorded(model.predict, data)
    assert np.array_equal(outputs, model.predict(data, verbose=0))
    assert fanouts(trace) == [2 * connections(9, 7)]


def connections(height, width):
    """Those of one batch: positions, 3 x 2 taps on 2 channels, 5 filters."""
    return (height - 2) * (width - 1) * 3 * 2 * 2 * 5 * BATCH


def fanouts(trace):
    return [call.steps[0].use.fanout_events for call in trace.calls if call.type == "Conv2D"]


def test_data_of_another_size_than_declared(generation, pooled):
    """Keras 3 knows the size when it predicts."""
    model = pooled(9, 7)
    data = images((None, None, None, None), (18, 7))
    plain = model.predict(data, verbose=0)
    if generation == 2:
        with pytest.raises(ep.RecordingError, match="other shapes than the model's Input layers declare"):
            recorded(model.predict, data)
    else:
        assert fanouts(recorded(model.predict, data)[1]) == [connections(18, 7)]
    assert np.array_equal(model.predict(data, verbose=0), plain)


def test_sizes_that_nobody_declares(pooled):
    """Keras 3 knows the first one only: it traces its function for any size when it sees the second."""
    model = pooled(None, None)
    data = images((None, None, None, 2), (9, 7), (4, 5))
    outputs, trace = recorded(model.predict, data)
    assert np.array_equal(outputs, model.predict(data, verbose=0))
    assert trace.samples == 2 * BATCH
    uncounted = [call for call in trace.calls if call.type == "Conv2D" and call.fate == "uncounted"]
    assert uncounted
    assert (
        "not known before the model runs (run_eagerly=True knows it)"
        in uncounted[0].steps[0].operation.reason
    )
    model.compile(run_eagerly=True)
    assert fanouts(recorded(model.predict, data)[1]) == [connections(9, 7), connections(4, 5)]
