"""Dense layers, layers of two convolutions, of weights that are not shared, and tables of rows.

As in the tests of convolutions, ones for weights let a layer count its own synops.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Dense, Lookup, Sparse

SAMPLES = 3


def sums(model, weights, x):
    """Sum of what each output of a model holds, for some weights."""
    model.set_weights(weights)
    made = model.predict(x, verbose=0)
    return {name: int(np.sum(each, dtype=np.float64)) for name, each in made.items()}


def some_events(random, shape):
    """Zeros and ones, and values that are not zero in the same places."""
    events = (random.rand(*shape) < 0.4).astype("float32")
    return events, events * random.choice([-2.0, 0.5, 3.0], shape).astype("float32")


# name: (layer, arguments, operation). Inputs are (5, 2, 3).
MATRICES = {
    "dense": ("Dense", {"units": 7}, Dense(inputs=3, units=7, positions=10)),
    "last": (
        "EinsumDense",
        {"equation": "abcd,de->abce", "output_shape": (5, 2, 7)},
        Dense(inputs=3, units=7, positions=10),
    ),
    "ellipsis": (
        "EinsumDense",
        {"equation": "...d,de->...e", "output_shape": (7,)},
        Dense(inputs=3, units=7, positions=10),
    ),
    "heads": (
        "EinsumDense",
        {"equation": "abcd,def->abcef", "output_shape": (5, 2, 7, 4)},
        Dense(inputs=3, units=28, positions=10),
    ),
    "from_heads": (
        "EinsumDense",
        {"equation": "abcd,cde->abe", "output_shape": (5, 7)},
        Dense(inputs=6, units=7, positions=5),
    ),
    "first_axis": (
        "EinsumDense",
        {"equation": "abcd,be->aecd", "output_shape": (7, 2, 3)},
        Dense(inputs=5, units=7, positions=6),
    ),
    "all": (
        "EinsumDense",
        {"equation": "abcd,bcde->ae", "output_shape": (7,)},
        Dense(inputs=30, units=7),
    ),
    # A matrix (2, 3) -> 7 of its own for each of the 5; then one of 3 -> 7 for each of the 2, at 5 positions.
    "own": (
        "EinsumDense",
        {"equation": "abcd,bcde->abe", "output_shape": (5, 7)},
        Sparse(inputs=30, units=35, entries=5 * 2 * 3 * 7),
    ),
    "own_at_positions": (
        "EinsumDense",
        {"equation": "abcd,dec->acbe", "output_shape": (2, 5, 7)},
        Sparse(inputs=6, units=14, entries=2 * 3 * 7),
    ),
    "elementwise": (
        "EinsumDense",
        {"equation": "abcd,cd->abcd", "output_shape": (5, 2, 3)},
        Sparse(inputs=6, units=6, entries=6),
    ),
}


@pytest.mark.oldest
def test_matrices(keras, random, record):
    inputs = keras.Input((5, 2, 3))
    outputs = {}
    for name, (layer, arguments, _) in MATRICES.items():
        # EinsumDense has no bias unless it is given its axes.
        bias = {} if layer == "EinsumDense" else {"use_bias": False}
        outputs[name] = getattr(keras.layers, layer)(**arguments, **bias, name=name)(inputs)
    model = keras.Model(inputs, outputs)
    shapes = [weight.shape for weight in model.get_weights()]
    kept = [(random.rand(*shape) < 0.6).astype("float32") for shape in shapes]
    events, x = some_events(random, (SAMPLES, 5, 2, 3))
    dense = sums(model, [np.ones(shape) for shape in shapes], np.ones_like(events))
    driven = sums(model, [np.ones(shape) for shape in shapes], events)
    effective = sums(model, kept, events)

    trace = record(model, x, batch_size=2)
    counts = ep.counts(trace).set_index("layer")
    operations = {call.layer: call.steps[0].operation for call in trace.calls}
    for name, (*_, operation) in MATRICES.items():
        row = counts.loc[name]
        found = (row.dense_synops, row.event_synops, row.effective_synops)
        assert found == (dense[name], driven[name], effective[name]), name
        assert operations[name] == operation


@pytest.mark.parametrize("axes", [1, 2])
def test_separable_convolutions(keras, random, record, axes):
    """The depthwise kernel alone, then the pointwise one, which reads what the first one really gave."""
    spatial = (11, 7)[:axes]
    inputs = keras.Input((*spatial, 3))
    moved = keras.layers.Permute((axes + 1, *range(1, axes + 1)))(inputs)
    separable = getattr(keras.layers, f"SeparableConv{axes}D")
    depthwise = getattr(keras.layers, f"DepthwiseConv{axes}D")
    arguments = [
        {"padding": padding, **more, "data_format": order}
        for padding in ("valid", "same")
        for more in ({}, {"strides": 2}, {"dilation_rate": 2})
        for order in ("channels_last", "channels_first")
    ]
    shared = {"kernel_size": 3, "depth_multiplier": 2, "use_bias": False}
    whole, first = {}, {}
    for number, each in enumerate(arguments):
        source = moved if each["data_format"] == "channels_first" else inputs
        whole[f"case_{number}"] = separable(5, **shared, **each, name=f"case_{number}")(source)
        first[f"case_{number}"] = depthwise(**shared, **each, name=f"first_{number}")(source)
    model, front = keras.Model(inputs, whole), keras.Model(inputs, first)
    # Small whole numbers, so that some of the sums of the first convolution are exactly zero.
    model.set_weights(
        [random.choice([-1.0, 0.0, 1.0], w.shape, p=[0.3, 0.4, 0.3]) for w in model.get_weights()]
    )
    kernels = {name: [np.asarray(w) for w in model.get_layer(name).get_weights()] for name in whole}
    events, x = some_events(random, (SAMPLES, *spatial, 3))
    x = np.sign(x)

    def first_alone(weights, data):
        for number, name in enumerate(whole):
            front.get_layer(f"first_{number}").set_weights([weights(kernels[name][0])])
        return {name: np.asarray(made) for name, made in front.predict(data, verbose=0).items()}

    driven = first_alone(np.ones_like, events)
    effective = first_alone(lambda kernel: (kernel != 0).astype("float32"), events)
    middle = first_alone(lambda kernel: kernel, x)
    counts = ep.counts(record(model, x)).set_index("layer")
    for number, name in enumerate(whole):
        row, pointwise = counts.loc[name], kernels[name][1].reshape(6, 5)
        last = arguments[number]["data_format"] == "channels_last"
        hidden = middle[name] if last else np.moveaxis(middle[name], 1, -1)
        assert 0 < (hidden == 0).mean() < 1
        of_pointwise = 5 * np.count_nonzero(hidden)
        assert row.event_synops == driven[name].sum() + of_pointwise, arguments[number]
        kept = np.count_nonzero(pointwise, axis=1)
        of_pointwise = np.sum(np.count_nonzero(hidden.reshape(-1, 6), axis=0) * kept)
        assert row.effective_synops == effective[name].sum() + of_pointwise, arguments[number]


@pytest.mark.oldest
@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_locally_connected_layers(keras, generation, random, record, order):
    if generation > 2:
        pytest.skip("Keras 3 has none")
    shape = (5, 7, 2) if order == "channels_last" else (2, 5, 7)
    line = (9, 2) if order == "channels_last" else (2, 9)
    inputs = [keras.Input(shape), keras.Input(line)]
    plane = keras.layers.LocallyConnected2D(
        3, (2, 3), strides=(1, 2), data_format=order, use_bias=False, name="plane"
    )(inputs[0])
    one = keras.layers.LocallyConnected1D(3, 2, strides=2, data_format=order, use_bias=False, name="line")(
        inputs[1]
    )
    model = keras.Model(inputs, {"plane": plane, "line": one})
    shapes = [weight.shape for weight in model.get_weights()]
    kept = [(random.rand(*each) < 0.6).astype("float32") for each in shapes]
    events, x = zip(*(some_events(random, (SAMPLES, *each)) for each in (shape, line)), strict=True)
    dense = sums(model, [np.ones(each) for each in shapes], [np.ones_like(each) for each in events])
    driven = sums(model, [np.ones(each) for each in shapes], list(events))
    effective = sums(model, kept, list(events))
    counts = ep.counts(record(model, list(x))).set_index("layer")
    for name in ("plane", "line"):
        row = counts.loc[name]
        found = (row.dense_synops, row.event_synops, row.effective_synops)
        assert found == (dense[name], driven[name], effective[name])


def test_other_implementations_of_locally_connected_layers_are_listed(keras, generation, record):
    if generation > 2:
        pytest.skip("Keras 3 has none")
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.LocallyConnected1D(3, 2, implementation=2)])
    row = ep.counts(record(model, np.ones((2, 5, 2)))).iloc[0]
    assert row.fate == "uncounted"


@pytest.mark.oldest
def test_an_embedding_fetches_rows(keras, record):
    inputs = keras.Input((7,), dtype="int32")
    rows = keras.layers.Embedding(11, 5, name="rows")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(keras.layers.Flatten()(rows)))
    table = np.arange(55).reshape(11, 5) % 4
    model.get_layer("rows").set_weights([table])
    x = np.arange(SAMPLES * 7).reshape(SAMPLES, 7) % 11
    trace = record(model, x)
    (step,) = trace.calls[0].steps
    assert step.operation == Lookup(rows=11, width=5, lookups=7)
    assert (step.executions, step.weights, step.weight_bytes, step.use) == (SAMPLES, 55, 220, None)
    row = ep.counts(trace).set_index("layer").loc["rows"]
    assert (row.lookups, row.dense_synops, row.elementwise_ops) == (SAMPLES * 7, 0, 0)
    assert trace.calls[2].steps[0].use.activity.events == np.count_nonzero(table[x])


def test_a_reversible_embedding_back_to_scores(keras, generation, random, record):
    if generation < 3:
        pytest.skip("Keras 2 has none")
    for tied, cap in ((True, None), (False, 3.0)):
        layer = keras.layers.ReversibleEmbedding(11, 5, tie_weights=tied, logit_soft_cap=cap, name="rows")
        inputs = keras.Input((7,), dtype="int32")
        scores = layer(layer(inputs), reverse=True)
        model = keras.Model(inputs, scores)
        tables = [random.choice([0.0, 1.0, -2.0], weight.shape) for weight in model.get_weights()]
        model.set_weights(tables)
        x = random.randint(0, 11, (SAMPLES, 7))
        fetched = tables[0][x]
        back = tables[0].T if tied else tables[1]
        rows = ep.counts(record(model, x))
        assert rows.lookups.tolist() == [SAMPLES * 7, 0]
        row = rows.iloc[1]
        assert row.dense_synops == SAMPLES * 7 * 5 * 11
        assert row.event_synops == 11 * np.count_nonzero(fetched)
        by_feature = np.count_nonzero(fetched.reshape(-1, 5), axis=0)
        assert row.effective_synops == np.sum(by_feature * np.count_nonzero(back, axis=1))
        # A soft cap divides, takes the tanh, and multiplies.
        assert row.elementwise_ops == (0 if cap is None else 3 * SAMPLES * 7 * 11)


@pytest.mark.oldest
def test_a_shared_layer_holds_its_parameters_once(keras, random, record):
    one, other = keras.Input((5,)), keras.Input((5,))
    shared = keras.layers.Dense(7, name="shared")
    model = keras.Model([one, other], keras.layers.Add()([shared(one), shared(other)]))
    x = [random.choice([0.0, 1.0], (SAMPLES, 5)) for _ in range(2)]
    trace = record(model, x)
    rows = ep.counts(trace)
    rows = rows[rows.layer == "shared"]
    # Each call with its own events: 7 synops for each, never the product of both.
    assert rows.event_synops.tolist() == [7 * int(each.sum()) for each in x]
    assert rows.call.tolist() == [0, 1]
    assert rows.parameters.tolist() == [42, 42]
    assert math.prod(rows.dense_synops) == (SAMPLES * 35) ** 2
