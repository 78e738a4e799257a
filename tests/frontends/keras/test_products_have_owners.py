"""Every matrix product and convolution of a model's graph belongs to a recorded operation.

The graph is that of the plain model, without a probe, walked by the definitions of its functions: loops,
branches and function calls are entered, and what the outputs do not need is left out. Layers are told by the
scopes in the names of operations.
"""

from __future__ import annotations

import collections
import re

import pytest

from energyprobe.trace.operations import Filter, Synaptic, Uncounted

STEPS = 3
PRODUCTS = {
    *("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "SparseTensorDenseMatMul"),
    *("Conv", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "XlaConvV2"),
    *("Conv2DBackpropInput", "Conv3DBackpropInputV2"),
}
# What only asks for a shape needs no product.
SHAPES = {"Shape", "ZerosLike", "OnesLike", "Size"}


def products(model, x):
    """Scoped names of the products that the model's outputs need."""
    import tensorflow as tf

    specs = [tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in x]
    function = tf.function(lambda *data: model(data if len(data) > 1 else data[0], training=False))
    concrete = function.get_concrete_function(*specs)
    definition = concrete.graph.as_graph_def()
    library = {each.signature.name: each for each in definition.library.function}
    outputs = [tensor.op.name for tensor in tf.nest.flatten(concrete.structured_outputs)]
    return list(_walk(definition.node, outputs, library, ""))


def _walk(nodes, outputs, library, scope):
    by_name = {node.name: node for node in nodes}
    waiting, seen = list(outputs), set()
    while waiting:
        name = waiting.pop()
        node = by_name.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op in PRODUCTS:
            yield f"{scope}/{name}"
        if node.op not in SHAPES:
            waiting += [each.lstrip("^").split(":")[0] for each in node.input]
        for key, value in node.attr.items():
            # The alternatives that an LSTM of Keras 2 keeps for other devices are no calls.
            if value.HasField("func") and key in ("f", "body", "then_branch", "else_branch"):
                inner = library[value.func.name]
                made = [each.split(":")[0] for each in inner.ret.values()]
                yield from _walk(inner.node_def, made, library, f"{scope}/{name}")


def owner(name, paths):
    """The innermost call whose scopes a product lies in."""
    # Keras 3 runs only the `call` of what is within a TimeDistributed, which opens no scope.
    inside = [path for path in paths if _inside(name.split("/"), path.replace("/bnested", "").split("/"))]
    return max(inside, key=len, default=None)


def _inside(scopes, path):
    """Whether scopes go through the layers of a path; Keras adds a number to a scope that it opens again."""
    left = iter(scopes)
    return all(
        any(scope == layer or re.fullmatch(rf"{re.escape(layer)}_\d+", scope) for scope in left)
        for layer in path
    )


def convolutions(keras):
    layers, inputs = keras.layers, keras.Input((9, 8, 4))
    line = layers.Reshape((18, 16))(inputs)
    cube = layers.Reshape((3, 3, 8, 4))(inputs)
    outputs = [
        layers.Conv2D(4, 3, name="aplain", activation="relu")(inputs),
        layers.Conv2D(4, 3, groups=2, name="agrouped")(inputs),
        layers.Conv2D(4, 3, dilation_rate=2, padding="same", name="adilated")(inputs),
        layers.DepthwiseConv2D(3, strides=2, name="adepthwise")(inputs),
        layers.SeparableConv2D(4, 3, name="aseparable")(inputs),
        layers.Conv2DTranspose(4, 3, name="atransposed")(inputs),
        layers.Conv1D(4, 3, padding="causal", name="aline")(line),
        layers.DepthwiseConv1D(3, name="adepthwiseline")(line),
        layers.SeparableConv1D(4, 3, name="aseparableline")(line),
        layers.Conv1DTranspose(4, 3, name="atransposedline")(line),
        layers.Conv3D(4, 2, name="acube")(cube),
        layers.Conv3DTranspose(4, 2, name="atransposedcube")(cube),
        layers.Dense(3, name="adense")(layers.MaxPooling2D()(inputs)),
        layers.EinsumDense("abcd,cde->abe", (9, 3), name="aeinsum")(inputs),
    ]
    return keras.Model(inputs, outputs), {}


def sequences(keras):
    layers, inputs = keras.layers, keras.Input((STEPS, 4))
    again = keras.Sequential([layers.Dense(4, name="binner"), layers.Dense(2, name="blast")], name="bnested")
    outputs = [
        layers.LSTM(3, name="blstm")(inputs),
        layers.GRU(3, name="bgru", return_sequences=True)(inputs),
        layers.GRU(3, reset_after=False, name="bbefore")(inputs),
        layers.SimpleRNN(3, name="bsimple")(inputs),
        layers.Bidirectional(layers.LSTM(3, name="bcells"), name="bboth")(inputs),
        layers.RNN([layers.LSTMCell(3, name="bfirst"), layers.GRUCell(3, name="bsecond")], name="brnn")(
            inputs
        ),
        layers.MultiHeadAttention(2, 3, name="bheads")(inputs, inputs),
        layers.Attention(name="battention")([inputs, inputs]),
        layers.AdditiveAttention(name="badditive")([inputs, inputs]),
        layers.TimeDistributed(layers.Dense(5, name="bwithin"), name="beach")(inputs),
        layers.TimeDistributed(again, name="bevery")(inputs),
        layers.Dot(2, name="bdot")([inputs, inputs]),
        layers.ConvLSTM1D(3, 2, name="bconvolved")(layers.Reshape((STEPS, 4, 1))(inputs)),
    ]
    model = keras.Model(inputs, outputs)
    # An LSTM of convolutions makes each of its two in four parts, one for each gate; Keras 2 makes one more,
    # of zeros, to learn the shape of the state.
    if not keras.__version__.startswith("3"):
        return model, {"bconvolved": 4.5}
    # Keras 3 unrolls the timesteps of TimeDistributed.
    unrolled = dict.fromkeys(("beach", "bevery/bnested/binner", "bevery/bnested/blast"), STEPS)
    return model, {"bconvolved": 4, **unrolled}


def raw(keras):
    import tensorflow as tf

    class Mine(keras.layers.Layer):
        def build(self, shape):
            self.own = self.add_weight(shape=(4, 3), name="own")
            self.inner = keras.layers.Dense(4, name="cinner")
            self.inner.build(shape)
            super().build(shape)

        def call(self, x):
            kept = tf.matmul(x, self.own)
            gram = tf.matmul(kept, kept, transpose_b=True)
            mixed = tf.einsum("bij,jk->ik", x, self.own)
            looped = tf.while_loop(
                lambda i, _: i < 2, lambda i, y: (i + 1, tf.matmul(self.inner(y), tf.eye(4))), (0, x[:, 0])
            )
            return kept + mixed, gram, looped[1]

    inputs = keras.Input((STEPS, 4))
    lambda_ = keras.layers.Lambda(
        lambda x: tf.nn.conv1d(x, tf.ones((2, 4, 3)), 1, "SAME"), output_shape=(STEPS, 3), name="clambda"
    )
    return keras.Model(inputs, [*Mine(name="cmine")(inputs), lambda_(inputs)]), {}


def filters(keras):
    keras_spiking = pytest.importorskip("keras_spiking")
    if keras.__version__.startswith("3"):
        pytest.skip("KerasSpiking is for Keras 2")
    model = keras.Sequential(
        [
            keras.Input((STEPS, 4)),
            keras.layers.Dense(3, name="ddense"),
            keras_spiking.SpikingActivation("relu", seed=1, name="dspiking"),
            keras_spiking.Alpha(0.1, name="dalpha"),
            keras.layers.Dense(2, name="dlast"),
        ]
    )
    return model, {}


# Models, and where Keras writes an operation as several products: how many.
ZOO = {"convolutions": convolutions, "sequences": sequences, "raw": raw, "filters": filters}


@pytest.mark.oldest
@pytest.mark.parametrize("kind", ZOO)
def test_products_are_recorded_or_listed(keras, random, record, kind):
    model, written = ZOO[kind](keras)
    model.compile(jit_compile=False)
    x = [random.rand(2, *each.shape[1:]).astype("float32") for each in model.inputs]
    calls = record(model, x if len(x) > 1 else x[0]).calls
    recorded = collections.Counter()
    for call in calls:
        operations = [step.operation for step in call.steps]
        recorded[call.path] += sum(isinstance(each, (*Synaptic.__args__, Uncounted)) for each in operations)
        # A second-order filter is written as two products of matrices of its own.
        recorded[call.path] += 2 * sum(isinstance(each, Filter) and each.order == 2 for each in operations)
    names = products(model, x)
    found = collections.Counter(owner(name, recorded) for name in names)
    assert None not in found, [name for name in names if owner(name, recorded) is None]
    assert len(found) > 1
    assert dict(found) == {path: count * written.get(path, 1) for path, count in recorded.items() if count}
    assert kind == "raw" or all(call.fate != "uncounted" for call in calls)
