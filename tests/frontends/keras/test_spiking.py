"""Which tensors carry spikes: declared by layers and by users, carried on by what only moves spikes."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.errors import OptionError

SAMPLES, STEPS, SIZE = 3, 5, 4
AMPLITUDE = 10.0


def trains(random, *shape):
    """None, one or several spikes of either sign in each element."""
    return AMPLITUDE * random.choice([0.0, 0.0, 1.0, -1.0, 3.0], (SAMPLES, *shape)).astype("float32")


def reads_spikes(keras, make, shape=(STEPS, SIZE), units=7):
    """A model of a dense layer on what `make` makes of declared spikes."""
    inputs = keras.Input(shape, name="events")
    return keras.Model(inputs, keras.layers.Dense(units, name="reader")(make(inputs)))


# name: (function of the layers of Keras and of declared spikes, what the reader then sees as spikes).
CARRIED = {
    "nothing": lambda layers, x: x,
    "flatten": lambda layers, x: layers.Flatten()(x),
    "reshape": lambda layers, x: layers.Reshape((SIZE, STEPS))(x),
    "permute": lambda layers, x: layers.Permute((2, 1))(x),
    "dropout": lambda layers, x: layers.Dropout(0.5)(x),
    "noise": lambda layers, x: layers.GaussianNoise(0.5)(x),
    "crop": lambda layers, x: layers.Cropping1D(1)(x),
    "pad": lambda layers, x: layers.ZeroPadding1D(1)(x),
    "copy": lambda layers, x: layers.UpSampling1D(2)(x),
    "pool": lambda layers, x: layers.MaxPooling1D(2)(x),
    "whole": lambda layers, x: layers.GlobalMaxPooling1D()(x),
    "joined": lambda layers, x: layers.Concatenate()([x, layers.Dropout(0.5)(x)]),
    "added": lambda layers, x: layers.Add()([x, x]),
    "largest": lambda layers, x: layers.Maximum()([x, x]),
    "each step": lambda layers, x: layers.TimeDistributed(layers.Reshape((2, 2)))(x),
    "linear": lambda layers, x: layers.Activation("linear")(x),
    "masked": lambda layers, x: layers.Masking(7.0)(x),
    "sliced": lambda layers, x: layers.Lambda(lambda y: y[:, 1:, ::2], output_shape=(STEPS - 1, 2))(x),
}
GRADED = {
    "pool": lambda layers, x: layers.AveragePooling1D(2)(x),
    "whole": lambda layers, x: layers.GlobalAveragePooling1D()(x),
    "weights": lambda layers, x: layers.Dense(3)(x),
    "normalised": lambda layers, x: layers.BatchNormalization()(x),
    "activation": lambda layers, x: layers.ReLU()(x),
    "product": lambda layers, x: layers.Multiply()([x, x]),
    "joined": lambda layers, x: layers.Concatenate()([x, layers.Dense(3)(x)]),
    "smooth": lambda layers, x: layers.Flatten()(
        layers.UpSampling2D(2, interpolation="bilinear")(layers.Reshape((STEPS, SIZE, 1))(x))
    ),
}


def every(keras, makers):
    """A model of a reader behind each of some makers, all on the same declared spikes."""
    inputs = keras.Input((STEPS, SIZE), name="events")
    outputs, read = {}, {}
    for number, (name, make) in enumerate(makers.items()):
        read[name] = make(keras.layers, inputs)
        outputs[f"reader_{number}"] = keras.layers.Dense(7, name=f"reader_{number}")(read[name])
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    return model, keras.Model(inputs, read)


@pytest.mark.oldest
def test_spikes_are_carried_by_what_only_moves_them(keras, random, record):
    model, reads = every(keras, CARRIED)
    x = trains(random, STEPS, SIZE)
    x[0] = 0
    calls = {call.layer: call for call in record(model, x, batch_size=2, spiking={"events": AMPLITUDE}).calls}
    for number, (name, seen) in enumerate(zip(CARRIED, reads.predict(x, verbose=0).values(), strict=True)):
        use = calls[f"reader_{number}"].steps[0].use
        assert use.spiking, name
        spikes = int(np.abs(seen).sum() / AMPLITUDE)
        assert (use.activity.spikes, use.activity.events) == (spikes, np.count_nonzero(seen)), name
        assert (use.fanout_spikes, use.fanout_events) == (7 * spikes, 7 * np.count_nonzero(seen))
        assert use.activity.amplitude == AMPLITUDE


@pytest.mark.oldest
def test_weights_averages_and_other_arithmetic_make_them_graded(keras, random, record):
    model, _ = every(keras, GRADED)
    trace = record(model, trains(random, STEPS, SIZE), spiking={"events": AMPLITUDE})
    calls = {call.layer: call for call in trace.calls}
    for number, name in enumerate(GRADED):
        use = calls[f"reader_{number}"].steps[0].use
        assert not use.spiking and use.activity.spikes is None, name
    assert trace.notes == (), "all of these are known"


def test_spikes_of_two_sizes_are_events_of_unknown_spikes(keras, random, record):
    one, other = (keras.Input((SIZE,), name=name) for name in ("one", "other"))
    joined, added = keras.layers.Concatenate()([one, other]), keras.layers.Add()([one, other])
    outputs = [keras.layers.Dense(7, name=n)(x) for n, x in (("joined", joined), ("added", added))]
    model = keras.Model([one, other], outputs)
    trace = record(model, [trains(random, SIZE)] * 2, spiking={"one": AMPLITUDE, "other": 1.0})
    rows = ep.counts(trace).set_index("layer")
    assert rows.loc["joined"].dense_acs == SAMPLES * 2 * SIZE * 7
    assert rows.isna().loc["joined"].spike_synops
    assert rows.loc["added"].dense_acs == 0, "sums of unequal spikes are no multiples of one"


@pytest.mark.oldest
@pytest.mark.parametrize("kind", ["Conv1D", "LSTM", "Dot", "MultiHeadAttention"])
def test_operations_that_read_spikes(keras, random, record, kind):
    """Accumulates wherever an operand spikes; an event of k spikes counts k times."""
    x = trains(random, STEPS, SIZE)
    spikes = np.rint(np.abs(x) / AMPLITUDE)
    inputs = keras.Input((STEPS, SIZE), name="events")
    if kind == "Dot":
        model = keras.Model(inputs, keras.layers.Dot(2, name="layer")([inputs, inputs]))
    elif kind == "MultiHeadAttention":
        model = keras.Model(inputs, keras.layers.MultiHeadAttention(2, 3, name="layer")(inputs, inputs))
    else:
        arguments = {"kernel_size": 3, "padding": "same"} if kind == "Conv1D" else {}
        model = keras.Model(inputs, getattr(keras.layers, kind)(7, **arguments, name="layer")(inputs))
    calls = {call.path: call for call in record(model, x, spiking={"events": AMPLITUDE}).calls}
    steps = calls["layer"].steps
    if kind == "Conv1D":
        reach = np.array([2, 3, 3, 3, 2])[:, None] * 7
        assert steps[0].use.fanout_spikes == np.sum(spikes * reach)
        assert steps[0].use.fanout_events == np.sum((x != 0) * reach)
        assert steps[0].use.effective_spikes == steps[0].use.fanout_spikes
    if kind == "LSTM":
        assert steps[0].use.fanout_spikes == np.sum(spikes) * 4 * 7
        assert [step.use.spiking for step in steps[:2]] == [True, False]
    if kind == "Dot":
        assert steps[0].use.fanout_spikes == np.einsum("bis,bjs->", spikes, spikes)
        assert steps[0].use.fanout_events == np.einsum("bis,bjs->", x != 0, (x != 0).astype(int))
        assert steps[0].use.spiking and steps[0].use.other_spiking
    if kind == "MultiHeadAttention":
        assert all(calls[f"layer/{name}"].steps[0].use.spiking for name in ("query", "key", "value"))
        assert not any(step.use.spiking for step in steps if step.use)


def lif(keras):
    """A layer of the user's own that spikes, of raw operations."""
    import tensorflow as tf

    class MyLIF(keras.layers.Layer):
        def call(self, x):
            return tf.where(tf.cumsum(x, 1) > 1.0, 2.0, 0.0)

    return MyLIF


@pytest.mark.oldest
def test_a_layer_of_the_users_own_spikes(keras, random, record):
    """Also a subclass, and through a layer that only moves spikes."""
    my_lif = lif(keras)
    derived = type("Derived", (my_lif,), {})
    inputs = keras.Input((STEPS, SIZE))
    sent = derived(name="spikes")(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(7, name="reader")(keras.layers.Flatten()(sent)), sent])
    x = random.rand(SAMPLES, STEPS, SIZE).astype("float32")
    _, sent = model.predict(x, verbose=0)
    calls = {call.layer: call for call in record(model, x, spiking={my_lif: 2.0}).calls}
    assert calls["spikes"].output_spiking
    use = calls["reader"].steps[0].use
    assert (use.spiking, use.activity.spikes) == (True, np.count_nonzero(sent))
    assert not {call.layer: call for call in record(model, x).calls}["reader"].steps[0].use.spiking


@pytest.mark.oldest
def test_spikes_that_cannot_be_followed_are_noted(keras, random, record):
    """Raw arithmetic on spikes may make anything of them: graded, and said so."""
    my_lif = lif(keras)
    inputs = keras.Input((STEPS, SIZE), name="events")
    again = my_lif(name="second")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(7, name="reader")(again))
    trace = record(model, trains(random, STEPS, SIZE), spiking={"events": AMPLITUDE})
    (note,) = trace.notes
    assert note == (
        "reader reads what operation Cumsum, which cannot be followed, made from spikes: taken as graded "
        "(declare the layer with spiking= if it sends spikes)"
    )
    assert not trace.calls[-1].steps[0].use.spiking
    declared = {"events": AMPLITUDE, my_lif: 2.0}
    assert record(model, trains(random, STEPS, SIZE), spiking=declared).notes == ()


@pytest.mark.oldest
def test_a_layer_that_was_never_called_cannot_spike(keras, random, record):
    my_lif = lif(keras)
    model = reads_spikes(keras, lambda x: keras.layers.ReLU()(my_lif()(x)))
    other = type("MyLIFs", (keras.layers.Layer,), {})
    with pytest.raises(OptionError, match=r"called no layer of this type, did you mean 'MyLIF'\?"):
        record(model, trains(random, STEPS, SIZE), spiking={other: 1.0})


def test_a_cell_of_the_users_own_spikes_in_its_loop(keras, random, record):
    """From the body of a loop to what reads its sequence, and from the sequence into the body."""
    import tensorflow as tf

    class Cell(keras.layers.Layer):
        state_size = output_size = SIZE

        def __init__(self, **arguments):
            super().__init__(**arguments)
            self.inner = keras.layers.Dense(SIZE, use_bias=False, kernel_initializer="ones", name="inner")

        def build(self, shape):
            self.inner.build(shape)
            super().build(shape)

        def call(self, x, states):
            voltage = states[0] + self.inner(x)
            fired = tf.cast(voltage > 1.0, "float32")
            return fired, [voltage - fired]

    for unroll in (False, True):
        inputs = keras.Input((STEPS, SIZE), name="events")
        cells = [Cell(name="first"), Cell(name="second")]
        rnn = keras.layers.RNN(cells, return_sequences=True, unroll=unroll, name="rnn")
        sent = rnn(inputs)
        model = keras.Model(inputs, [keras.layers.Dense(7, name="reader")(sent), sent])
        x = np.abs(trains(random, STEPS, SIZE))
        _, sent = model.predict(x, verbose=0)
        trace = record(model, x, spiking={"events": AMPLITUDE, Cell: 1.0})
        calls = {call.layer: call for call in trace.calls}
        uses = {call.path.split("/")[-2]: call.steps[0].use for call in trace.calls if call.layer == "inner"}
        assert uses["first"].spiking and uses["first"].activity.spikes == x.sum() / AMPLITUDE
        assert uses["second"].spiking and uses["second"].activity.amplitude == 1.0
        reader = calls["reader"].steps[0].use
        assert (reader.spiking, reader.activity.spikes) == (True, np.count_nonzero(sent))
