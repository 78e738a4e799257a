"""Operations outside of any layer that has a rule: counted from what TensorFlow ran, or listed.

Expressions of functional models, ``Lambda``, subclassed ``call`` methods, loops, branches and functions.
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Conv, Dense, Elementwise, Pool, Product, Sparse, Uncounted

SAMPLES = 3


def whole_numbers(random, *shape):
    return random.choice([-2.0, -1.0, 0.0, 0.0, 1.0], shape).astype("float32")


def nonzero(array):
    return (np.asarray(array) != 0).astype("int64")


def layer_of(keras, function, *weights, name="mine"):
    """A layer whose ``call`` is a function of its input and of weights of these shapes."""

    class Mine(keras.layers.Layer):
        def build(self, shape):
            self.own = [
                self.add_weight(shape=each, name=f"w{number}", initializer="ones")
                for number, each in enumerate(weights)
            ]
            super().build(shape)

        def call(self, inputs):
            return function(inputs, *self.own)

    return Mine(name=name)


def of_function(keras, function, *weights, shape=(5,)):
    """A model of one such layer."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer_of(keras, function, *weights)(inputs))


def elementwise(call):
    """Operations for each function, over the recording."""
    steps = [step for step in call.steps if isinstance(step.operation, Elementwise)]
    return {
        step.operation.function: step.operation.elements * step.operation.ops_per_element * step.executions
        for step in steps
    }


# name: (function of tf, x (5, 4) and weights, shapes of the weights, einsum of the masks, operation)
WEIGHTED = {
    "matmul": (
        lambda tf, x, w: tf.matmul(x, w),
        [(4, 3)],
        "bij,jk->",
        Dense(inputs=4, units=3, positions=5),
    ),
    "operator": (lambda tf, x, w: x @ w, [(4, 3)], "bij,jk->", Dense(inputs=4, units=3, positions=5)),
    "transposed": (
        lambda tf, x, w: tf.matmul(x, w, transpose_b=True),
        [(3, 4)],
        "bij,kj->",
        Dense(inputs=4, units=3, positions=5),
    ),
    "from the left": (
        lambda tf, x, w: tf.matmul(w, x),
        [(3, 5)],
        "bij,ki->",
        Dense(inputs=5, units=3, positions=4),
    ),
    "einsum": (
        lambda tf, x, w: tf.einsum("bij,ijk->bk", x, w),
        [(5, 4, 3)],
        "bij,ijk->",
        Dense(inputs=20, units=3),
    ),
    "einsum of heads": (
        lambda tf, x, w: tf.einsum("...j,jnh->...nh", x, w),
        [(4, 3, 2)],
        "bij,jnh->",
        Dense(inputs=4, units=6, positions=5),
    ),
    "a matrix for each": (
        lambda tf, x, w: tf.matmul(x[:, :, None], w),
        [(5, 4, 3)],
        "bij,ijk->",
        Sparse(inputs=20, units=15, entries=60),
    ),
    "one matrix, spread": (
        lambda tf, x, w: tf.matmul(x[:, None], w),
        [(1, 1, 4, 3)],
        "bij,uvjk->",
        Dense(inputs=4, units=3, positions=5),
    ),
    "flattened": (
        lambda tf, x, w: tf.matmul(tf.reshape(x, [-1, 4]), w),
        [(4, 3)],
        "bij,jk->",
        Dense(inputs=4, units=3),
    ),
    "reshaped weights": (
        lambda tf, x, w: tf.matmul(x, tf.reshape(w, [4, 3])),
        [(2, 2, 3)],
        None,
        Dense(inputs=4, units=3, positions=5),
    ),
    "weights worked out": (
        lambda tf, x, w: tf.matmul(x, tf.nn.relu(w)),
        [(4, 3)],
        None,
        Dense(inputs=4, units=3, positions=5),
    ),
    "a constant": (
        lambda tf, x: tf.matmul(x, tf.constant([[1.0], [0.0], [2.0], [0.0]])),
        [],
        None,
        Dense(inputs=4, units=1, positions=5),
    ),
}


@pytest.mark.oldest
def test_products_with_weights(keras, random, record):
    import tensorflow as tf

    inputs = keras.Input((5, 4))
    layers, outputs = {}, {}
    for number, (name, (function, shapes, *_)) in enumerate(WEIGHTED.items()):
        layers[name] = layer_of(
            keras, lambda x, *w, function=function: function(tf, x, *w), *shapes, name=f"case_{number}"
        )
        outputs[f"case_{number}"] = layers[name](inputs)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    model.set_weights([whole_numbers(random, *weight.shape) for weight in model.get_weights()])
    x = whole_numbers(random, SAMPLES, 5, 4)
    calls = {call.layer: call for call in record(model, x, batch_size=2).calls}
    for name, (_, shapes, equation, operation) in WEIGHTED.items():
        (step,) = calls[layers[name].name].steps
        assert step.operation == operation, name
        weights = np.asarray(layers[name].own[0]) if shapes else np.array([[1.0], [0.0], [2.0], [0.0]])
        known = weights
        if name == "reshaped weights":
            weights = known = weights.reshape(4, 3)
        if name == "weights worked out":
            weights, known = np.maximum(weights, 0), None
        equation = equation or "bij,jk->"
        effective = np.einsum(equation, nonzero(x), nonzero(weights))
        driven = np.einsum(equation, nonzero(x), np.ones(weights.shape, int))
        assert (step.use.fanout_events, step.use.effective_events) == (driven, effective), name
        dense = np.einsum(equation, np.ones(x.shape, int), np.ones(weights.shape, int))
        each = operation.entries if isinstance(operation, Sparse) else None
        each = each or operation.inputs * operation.units * operation.positions
        assert each * step.executions == dense
        assert step.weights == weights.size
        assert step.weight_nonzeros == (None if known is None else np.count_nonzero(known))


@pytest.mark.oldest
def test_weights_pruned_between_two_runs(keras, random):
    """The graph counts with the weights as they are now, without being made again."""
    import tensorflow as tf

    model = of_function(keras, lambda x, w: tf.matmul(x, w), (5, 7))
    x = whole_numbers(random, SAMPLES, 5)
    probe = ep.KerasProbe()
    model.predict(x, verbose=0, callbacks=[probe])
    assert probe.trace.calls[0].steps[0].use.effective_events == 7 * np.count_nonzero(x)
    model.set_weights([np.eye(5, 7)])
    model.predict(x, verbose=0, callbacks=[probe])
    (step,) = probe.trace.calls[0].steps
    assert step.use.effective_events == np.count_nonzero(x)
    assert (step.weights, step.weight_nonzeros) == (35, 5)


@pytest.mark.oldest
def test_products_of_activations(keras, random, record):
    import tensorflow as tf

    def function(x):
        heads = tf.reshape(x, [-1, 5, 2, 2])
        scores = tf.einsum("bqhd,bkhd->bhqk", heads, heads)
        gram = tf.matmul(x, x, transpose_a=True)
        across = tf.matmul(tf.reshape(x, [-1, 20]), tf.reshape(x, [-1, 20]), transpose_a=True)
        return tf.reduce_sum(scores) + tf.reduce_sum(gram) + tf.reduce_sum(across) + x

    model = of_function(keras, function, shape=(5, 4))
    x = whole_numbers(random, SAMPLES, 5, 4)
    (call,) = record(model, x).calls
    scores, gram = (step for step in call.steps if isinstance(step.operation, Product))
    heads = nonzero(x).reshape(SAMPLES, 5, 2, 2)
    assert scores.operation == Product(rows=5, shared=2, columns=5, copies=2)
    assert scores.use.fanout_events == np.einsum("bqhd,bkhd->", heads, heads)
    assert gram.operation == Product(rows=4, shared=5, columns=4)
    assert gram.use.fanout_events == np.einsum("bti,btj->", nonzero(x), nonzero(x))
    reasons = [step.operation.reason for step in call.steps if isinstance(step.operation, Uncounted)]
    assert reasons == ["a product of weights that mixes samples"] or reasons == [
        "a product of two activations that do not share a batch axis"
    ]
    assert call.fate == "counted", "one operation that cannot be counted does not hide the others"
    row = ep.counts(record(model, x)).iloc[0]
    assert row.lower_bound
    assert row.dense_synops == (5 * 2 * 5 * 2 + 4 * 5 * 4) * SAMPLES


@pytest.mark.oldest
def test_convolutions_and_pooling(keras, random, record):
    import tensorflow as tf

    cases = {
        "plain": (
            lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"),
            (3, 2, 4, 5),
            {"strides": 2, "padding": "same"},
        ),
        "dilated": (
            lambda x, w: tf.nn.conv2d(x, w, 1, "VALID", dilations=2),
            (3, 2, 4, 5),
            {"dilation_rate": 2},
        ),
        "line": (lambda x, w: tf.nn.conv1d(x[:, 0], w, 2, "SAME"), (3, 4, 5), None),
        "depthwise": (
            lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME"),
            (3, 2, 4, 2),
            {"padding": "same"},
        ),
    }
    inputs = keras.Input((9, 7, 4))
    outputs = {name: layer_of(keras, f, shape, name=name)(inputs) for name, (f, shape, _) in cases.items()}
    outputs["explicit"] = layer_of(
        keras,
        lambda x, w: tf.nn.conv2d(x, w, 1, [[0, 0], [2, 0], [1, 1], [0, 0]]),
        (3, 2, 4, 5),
        name="explicit",
    )(inputs)
    outputs["back"] = layer_of(
        keras,
        lambda x, w: tf.nn.conv2d_transpose(x, w, [tf.shape(x)[0], 18, 14, 5], 2, "SAME"),
        (3, 2, 5, 4),
        name="back",
    )(inputs)
    outputs["pool"] = layer_of(keras, lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), name="pool")(inputs)
    outputs["mean"] = layer_of(keras, lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), name="mean")(inputs)
    outputs["found"] = layer_of(
        keras, lambda x: tf.nn.conv2d(x, x[0, :3, :2, :, None], 1, "SAME"), name="found"
    )(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    model.set_weights([whole_numbers(random, *weight.shape) for weight in model.get_weights()])
    x = whole_numbers(random, SAMPLES, 9, 7, 4)
    calls = {call.layer: call for call in record(model, x).calls}

    def counted(name, counter, data):
        weights = np.asarray(model.get_layer(name).own[0])
        counter.build((None, *data.shape[1:]))
        found = []
        for kernel in (np.ones_like(weights), nonzero(weights)):
            counter.set_weights([kernel])
            found.append(np.sum(np.asarray(counter(nonzero(data).astype("float32"))), dtype=float))
        return tuple(found)

    layers = keras.layers
    counters = {
        "plain": layers.Conv2D(5, (3, 2), use_bias=False, **cases["plain"][2]),
        "dilated": layers.Conv2D(5, (3, 2), use_bias=False, **cases["dilated"][2]),
        "line": layers.Conv1D(5, 3, strides=2, padding="same", use_bias=False),
        "depthwise": layers.DepthwiseConv2D(
            (3, 2), depth_multiplier=2, use_bias=False, **cases["depthwise"][2]
        ),
        "explicit": layers.Conv2D(5, (3, 2), use_bias=False),
        "back": layers.Conv2DTranspose(5, (3, 2), strides=2, padding="same", use_bias=False),
    }
    data = dict.fromkeys(counters, x)
    data["line"] = x[:, 0]
    data["explicit"] = np.pad(x, [[0, 0], [2, 0], [1, 1], [0, 0]])
    for name, counter in counters.items():
        (step,) = calls[name].steps
        assert isinstance(step.operation, Conv)
        found = (step.use.fanout_events, step.use.effective_events)
        assert found == counted(name, counter, data[name]), name
        assert step.executions == SAMPLES
        assert step.weight_nonzeros == np.count_nonzero(model.get_layer(name).own[0])
    # Along 9: windows of 2, 3, 3, 3, 2 taps for SAME (1 of padding on each side); along 7: 2, 3, 3, 2.
    (step,) = calls["pool"].steps
    assert step.operation == Pool(method="max", taps=4 * 13 * 10, outputs=4 * 5 * 4)
    (step,) = calls["mean"].steps
    assert step.operation == Pool(method="average", taps=4 * 8 * 6, outputs=4 * 4 * 3)
    (step,) = calls["found"].steps
    assert step.operation == Uncounted(reason="Conv2D whose filters depend on the data")


@pytest.mark.oldest
def test_arithmetic(keras, random, record):
    """Each element of the output once; a reduction reads each element of its input."""
    import tensorflow as tf

    def function(x, w):
        half = tf.reshape(x, [-1, 2, 10])  # moves
        total = tf.reduce_sum(half, -1)  # 20
        scaled = half * tf.exp(w)  # 20; exp of weights is worked out once
        added = tf.add_n([scaled, scaled, half])  # 2 x 20
        return tf.nn.softmax(tf.reshape(added, [-1, 4])), total + tf.cast(tf.shape(x)[1], tf.float32)

    model = of_function(keras, function, (10,), shape=(5, 4))
    (call,) = record(model, whole_numbers(random, SAMPLES, 5, 4), batch_size=2).calls
    assert elementwise(call) == {
        "sum": 20 * SAMPLES,
        "mul": 20 * SAMPLES,
        "addn": 40 * SAMPLES,
        "softmax": 60 * SAMPLES,
        "addv2": 2 * SAMPLES,
    }
    assert call.parameters == 10
    assert call.timesteps == 1


def test_what_no_one_needs_does_not_run(keras, random, record):
    import tensorflow as tf

    def function(x, w):
        tf.matmul(x, w)
        return x + 1.0

    model = of_function(keras, function, (5, 7))
    (call,) = record(model, whole_numbers(random, SAMPLES, 5)).calls
    assert [step.operation for step in call.steps] == [Elementwise(function="addv2", elements=5)]


def test_layers_that_only_move_data_are_free(keras, random, record):
    import tensorflow as tf

    model = of_function(keras, lambda x: tf.transpose(tf.reshape(x, [-1, 2, 10]), [0, 2, 1]), shape=(5, 4))
    row = ep.counts(record(model, whole_numbers(random, SAMPLES, 5, 4))).iloc[0]
    assert (row.fate, row.elementwise_ops, row.dense_synops) == ("free", 0, 0)


def test_an_operation_that_is_not_known_is_listed(keras, random, record):
    import tensorflow as tf

    model = of_function(keras, lambda x: tf.math.real(tf.signal.fft(tf.cast(x, tf.complex64))))
    (call,) = record(model, whole_numbers(random, SAMPLES, 5)).calls
    assert call.fate == "uncounted"
    assert Uncounted(reason="operation FFT has no rule") in [step.operation for step in call.steps]


@pytest.mark.oldest
@pytest.mark.parametrize("eager", [False, True], ids=["graph", "eager"])
def test_a_function_within_a_layer(keras, random, record, eager):
    """A ``tf.function`` keeps its graph, traced here or before, and nothing may be added to it."""
    import tensorflow as tf

    dense = keras.layers.Dense(7, name="dense")
    traced = []

    @tf.function
    def inner(x):
        traced.append(x)
        return tf.nn.relu(dense(x)) * 2.0

    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(layer_of(keras, inner)(inputs)))
    model.compile(run_eagerly=eager)
    x = whole_numbers(random, SAMPLES, 5)
    made = model.predict(x, verbose=0)
    before = len(traced)
    for _ in range(2):
        calls = {call.layer: call for call in record(model, x).calls}
        assert set(calls) == {"mine", "head"}
        (step,) = calls["mine"].steps
        assert step.operation == Uncounted(reason="a tf.function in the layer, which no rule follows")
        assert calls["head"].steps[0].use.activity.elements == 7 * SAMPLES
    assert np.array_equal(model.predict(x, verbose=0), made)
    assert len(traced) >= before


@pytest.mark.oldest
def test_branches_and_loops(keras, random, record):
    """Layers in them are observed where they run; raw operations in them are listed."""
    import tensorflow as tf

    first, second = keras.layers.Dense(4, name="first"), keras.layers.Dense(4, name="second")
    looped = keras.layers.Dense(4, name="looped")

    class Mine(keras.layers.Layer):
        def build(self, shape):
            for layer, size in ((first, 4), (second, 4), (looped, 4)):
                layer.build((None, size))
            super().build(shape)

        def call(self, x):
            chosen = tf.cond(tf.reduce_sum(x) > 0, lambda: first(x), lambda: tf.tanh(second(x)))
            return tf.while_loop(
                lambda i, _: i < 3,
                lambda i, y: (i + 1, looped(y)),
                (tf.constant(0), chosen),
                maximum_iterations=3,
            )[1]

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Mine(name="mine")(inputs))
    model.compile(jit_compile=False)
    positive = np.abs(whole_numbers(random, SAMPLES, 4)) + np.eye(SAMPLES, 4, dtype="float32")
    calls = {call.layer: call for call in record(model, positive, batch_size=SAMPLES).calls}
    assert "second" not in calls, "the branch was not taken"
    assert calls["first"].steps[0].use.activity.events == np.count_nonzero(positive)
    assert calls["looped"].steps[0].executions == 3 * SAMPLES
    assert calls["looped"].steps[0].use.activity.elements == 3 * SAMPLES * 4
    reasons = [step.operation.reason for step in calls["mine"].steps if isinstance(step.operation, Uncounted)]
    assert reasons == ["Tanh in a loop or branch, which no rule follows"]
    assert calls["mine"].fate == "counted", "the condition is"


@pytest.mark.oldest
def test_a_layer_that_uses_the_weights_of_another(keras, random, record):
    """Tied weights are used by both, and held by one."""
    import tensorflow as tf

    dense = keras.layers.Dense(7, use_bias=False, name="there")

    class Back(keras.layers.Layer):
        def __init__(self, other):
            super().__init__(name="back")
            self.other = other

        def call(self, x):
            return tf.matmul(x, self.other.kernel, transpose_b=True)

    inputs = keras.Input((5,))
    model = keras.Model(inputs, Back(dense)(dense(inputs)))
    kernel = whole_numbers(random, 5, 7)
    dense.set_weights([kernel])
    x = whole_numbers(random, SAMPLES, 5)
    calls = {call.layer: call for call in record(model, x).calls}
    (step,) = calls["back"].steps
    assert step.operation == Dense(inputs=7, units=5)
    assert step.use.effective_events == np.einsum("bj,ij->", nonzero(x @ kernel), nonzero(kernel))
    assert (step.weights, step.weight_nonzeros) == (35, np.count_nonzero(kernel))
    assert (calls["there"].parameters, calls["back"].parameters) == (35, 0)


@pytest.mark.oldest
def test_expressions_of_a_functional_model(keras, generation, random, record):
    inputs = keras.Input((5, 4))
    made = inputs * 2.0 + 1.0
    joined = made - inputs
    model = keras.Model(inputs, joined @ keras.ops.ones((4, 3)) if generation > 2 else joined)
    rows = ep.counts(record(model, whole_numbers(random, SAMPLES, 5, 4)))
    assert rows.elementwise_ops.tolist()[:3] == [20 * SAMPLES] * 3
    assert set(rows.fate) == {"counted"}
    if generation > 2:
        assert rows.dense_synops.tolist() == [0, 0, 0, SAMPLES * 5 * 4 * 3]
    else:
        assert set(rows.type) <= {"TFOpLambda", "SlicingOpLambda"}


def test_operations_of_keras_3(keras, generation, random, record):
    if generation < 3:
        pytest.skip("Keras 2 has none")
    ops = keras.ops
    inputs = keras.Input((6, 4))
    kernel = keras.Variable(whole_numbers(random, 3, 4, 5))
    scores = ops.einsum("bij,bkj->bik", inputs, inputs)
    filtered = ops.conv(inputs, kernel, strides=2, padding="same")
    model = keras.Model(inputs, [scores, filtered, ops.softmax(scores)])
    x = whole_numbers(random, SAMPLES, 6, 4)
    calls = {call.type: call for call in record(model, x).calls}
    (step,) = calls["Einsum"].steps
    assert step.use.fanout_events == np.einsum("bij,bkj->", nonzero(x), nonzero(x))
    (step,) = calls["Conv"].steps
    counter = keras.layers.Conv1D(5, 3, strides=2, padding="same", use_bias=False)
    counter.build(x.shape)
    counter.set_weights([nonzero(kernel.numpy())])
    assert step.use.effective_events == np.sum(np.asarray(counter(nonzero(x).astype("float32"))))
    assert elementwise(calls["Softmax"]) == {"softmax": 3 * SAMPLES * 36}


@pytest.mark.oldest
def test_a_subclass_keeps_a_rule_only_while_it_keeps_what_the_rule_counts(keras, random, record):
    import tensorflow as tf

    class Built(keras.layers.Dense):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

        def build(self, shape):
            super().build(shape)

    class Called(keras.layers.Dense):
        def call(self, inputs):
            return tf.nn.relu(super().call(inputs)) * 3.0

    class Standardised(keras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel - tf.reduce_mean(kernel))

    inputs = keras.Input((6, 4))
    plane = keras.layers.Reshape((6, 1, 4))(inputs)
    outputs = [Built(7)(inputs), Called(7)(inputs), Standardised(7, (3, 1), use_bias=False)(plane)]
    trace = record(keras.Model(inputs, outputs), np.ones((SAMPLES, 6, 4)))
    calls = {call.type: call for call in trace.calls}
    assert [step.operation for step in calls["Built"].steps] == [
        Dense(inputs=4, units=7, positions=6),
        Elementwise(function="bias", elements=42),
    ]
    called = [step.operation for step in calls["Called"].steps]
    assert Elementwise(function="relu", elements=42) in called
    assert Elementwise(function="mul", elements=42) in called
    synops = ep.counts(trace).set_index("type").dense_synops.to_dict()
    assert synops == {
        "Reshape": 0,
        "Built": SAMPLES * 6 * 28,
        "Called": SAMPLES * 6 * 28,
        "Standardised": SAMPLES * 4 * 84,
    }
    (step,) = (step for step in calls["Standardised"].steps if isinstance(step.operation, Conv))
    assert step.weight_nonzeros is None, "only the graph knows the kernel that it really used"


@pytest.mark.oldest
def test_sizes_that_are_not_known_beforehand(keras, random, record):
    """What is not known while the step is traced is counted as often as it comes."""
    inputs = keras.Input((None, 4))
    made = keras.layers.Dense(7, activation="relu", name="dense")(inputs)
    made = keras.layers.LayerNormalization(name="norm")(made)
    made = keras.layers.GlobalAveragePooling1D(name="pool")(made)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(made))

    def batches():
        for steps in (3, 5, 2):
            yield whole_numbers(random, 2, steps, 4)

    import tensorflow as tf

    data = tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec((None, None, 4)))
    data = data.apply(tf.data.experimental.assert_cardinality(3))
    rows = ep.counts(record(model, data, batch_size=None))
    assert set(rows.fate) == {"counted"}
    # A step that was traced for one length alone makes rows of its own.
    counts = rows.groupby("layer").sum(numeric_only=True)
    positions = 2 * (3 + 5 + 2)
    assert counts.loc["dense"].dense_synops == positions * 28
    assert counts.loc["dense"].elementwise_ops == 2 * positions * 7, "bias and activation"
    assert counts.loc["norm"].elementwise_ops == 8 * positions * 7
    assert counts.loc["pool"].elementwise_ops == positions * 7
    assert counts.loc["head"].dense_synops == 6 * 14
