"""Layers without synapses: arithmetic by element, pooling by tap, and what is free or listed.

Expected operations are written for one sample, as formulas of sizes that no two layers share.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.frontends.keras.rules.preprocessing import IDLE_AT_INFERENCE
from energyprobe.trace.operations import Lookup, Pool

SAMPLES = 3


def branches(keras, cases, shape, dtype="float32"):
    """A model of layers on one input, by name; a case is the layer's type and arguments."""
    inputs = keras.Input(shape, dtype=dtype)
    outputs = {}
    for name, (kind, arguments) in cases.items():
        if hasattr(keras.layers, kind):
            outputs[name] = getattr(keras.layers, kind)(**arguments, name=name)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    return model


# Operations for each element; Keras' functions by their own names.
ACTIVATIONS = {
    **dict.fromkeys("relu sigmoid tanh elu selu softplus softsign exponential hard_sigmoid".split(), 1),
    "softmax": 3,
    "gelu": 4,
    "swish": 2,
    "linear": 0,
}
ACTIVATION_LAYERS = {
    "ReLU": 1,
    "LeakyReLU": 1,
    "PReLU": 1,
    "ELU": 1,
    "ThresholdedReLU": 1,
    "Softmax": 3,
}


@pytest.mark.oldest
def test_activations_as_layers_and_as_arguments(keras, random, record):
    cases = {f"layer_{name}": ("Activation", {"activation": name}) for name in ACTIVATIONS}
    cases |= {
        f"argument_{name}": ("Dense", {"units": 7, "use_bias": False, "activation": name})
        for name in ACTIVATIONS
    }
    cases |= {name.lower(): (name, {}) for name in ACTIVATION_LAYERS}
    model = branches(keras, cases, (5, 4))
    x = random.randn(SAMPLES, 5, 4).astype("float32")
    trace = record(model, x)
    rows = ep.counts(trace).set_index("layer")
    calls = {call.layer: call for call in trace.calls}
    made = model.predict(x, verbose=0)
    for name, ops in ACTIVATIONS.items():
        layer, argument = rows.loc[f"layer_{name}"], rows.loc[f"argument_{name}"]
        assert layer.elementwise_ops == SAMPLES * 20 * ops
        assert argument.elementwise_ops == SAMPLES * 35 * ops
        assert layer.fate == ("free" if name == "linear" else "counted")
        assert (calls[f"layer_{name}"].output is None) == (name == "linear"), (
            "observed if an activation made it"
        )
        if name != "linear":
            assert argument.events == np.count_nonzero(made[f"argument_{name}"])
            assert argument.output_sparsity == pytest.approx(np.mean(made[f"argument_{name}"] == 0))
    for name, ops in ACTIVATION_LAYERS.items():
        if name.lower() in calls:
            assert rows.loc[name.lower()].elementwise_ops == SAMPLES * 20 * ops
            assert rows.loc[name.lower()].events == np.count_nonzero(made[name.lower()])
    functions = [step.operation.function for step in calls["argument_swish"].steps[1:]]
    assert functions == ["silu"], "one name in every version of Keras"


def test_an_activation_that_is_a_layer_or_a_function_of_the_users_own(keras, random, record):
    def own(x):
        return x * (x > 0)

    inputs = keras.Input((5,))
    outputs = [
        keras.layers.Dense(7, activation=keras.layers.LeakyReLU(), name="layer")(inputs),
        keras.layers.Dense(7, activation=own, name="function")(inputs),
    ]
    calls = {c.layer: c for c in record(keras.Model(inputs, outputs), random.randn(SAMPLES, 5)).calls}
    assert [step.operation.function for step in calls["layer"].steps[1:]] == ["bias", "leakyrelu"]
    assert [step.operation.function for step in calls["function"].steps[1:]] == ["bias", "own"]


NORMALISATIONS = {
    "BatchNormalization": ({}, 2),
    "LayerNormalization": ({}, 8),
    "GroupNormalization": ({"groups": 2, "center": False}, 7),
    "UnitNormalization": ({}, 3),
    "RMSNormalization": ({}, 4),
    "Rescaling": ({"scale": 2.0}, 2),
    "Normalization": ({"mean": 1.0, "variance": 2.0}, 2),
    "Masking": ({}, 2),
}


@pytest.mark.oldest
def test_normalisations(keras, random, record):
    cases = {name.lower(): (name, arguments) for name, (arguments, _) in NORMALISATIONS.items()}
    rows = ep.counts(record(branches(keras, cases, (5, 4)), random.randn(SAMPLES, 5, 4))).set_index("layer")
    for name, (_, ops) in NORMALISATIONS.items():
        if hasattr(keras.layers, name):
            assert rows.loc[name.lower()].elementwise_ops == SAMPLES * 20 * ops, name
            assert rows.loc[name.lower()].dense_synops == 0


def test_spectral_normalisation_is_for_training(keras, random, record):
    if not hasattr(keras.layers, "SpectralNormalization"):
        pytest.skip("this Keras has none")
    inputs = keras.Input((5,))
    wrapped = keras.layers.SpectralNormalization(keras.layers.Dense(7, name="inner"), name="outer")
    (call,) = record(keras.Model(inputs, wrapped(inputs)), random.randn(SAMPLES, 5)).calls
    assert (call.path, call.parameters) == ("outer/inner", 42)


POOLS = [
    {"pool_size": 2},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 2, "strides": 3, "padding": "valid"},
    {"pool_size": 3, "strides": 1, "padding": "same", "data_format": "channels_first"},
]


@pytest.mark.oldest
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pooling(keras, random, record, axes):
    """Taps: what a convolution of ones gives for ones, because padding is no tap."""
    shape, channels = (7, 5, 6)[:axes], 4
    inputs = keras.Input((*shape, channels))
    moved = keras.layers.Permute((axes + 1, *range(1, axes + 1)))(inputs)
    outputs = {}
    for kind in ("Max", "Average"):
        for number, arguments in enumerate(POOLS):
            source = moved if "data_format" in arguments else inputs
            name = f"{kind}_{number}"
            outputs[name] = getattr(keras.layers, f"{kind}Pooling{axes}D")(**arguments, name=name)(source)
        whole = getattr(keras.layers, f"Global{kind}Pooling{axes}D")
        outputs[f"{kind}_whole"] = whole(name=f"{kind}_whole")(inputs)
        outputs[f"{kind}_kept"] = whole(name=f"{kind}_kept", keepdims=True, data_format="channels_first")(
            moved
        )
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    x = random.randn(SAMPLES, *shape, channels).astype("float32")
    trace = record(model, x, batch_size=2)
    calls = {call.layer: call for call in trace.calls}
    made = model.predict(x, verbose=0)
    for kind in ("Max", "Average"):
        for number, arguments in enumerate(POOLS):
            size, padding = arguments["pool_size"], arguments.get("padding", "valid")
            counter = getattr(keras.layers, f"Conv{axes}D")(
                1, size, strides=arguments.get("strides", size), padding=padding, use_bias=False
            )
            counter.build((None, *shape, 1))
            counter.set_weights([np.ones((*(size,) * axes, 1, 1))])
            taps = channels * np.sum(np.asarray(counter(np.ones((1, *shape, 1), "float32"))), dtype=float)
            name = f"{kind}_{number}"
            (step,) = calls[name].steps
            assert step.operation == Pool(method=kind.lower(), taps=taps, outputs=made[name][0].size), (
                arguments
            )
            assert step.executions == SAMPLES
        for name in (f"{kind}_whole", f"{kind}_kept"):
            (step,) = calls[name].steps
            whole = math.prod(shape) * channels
            assert step.operation == Pool(method=kind.lower(), taps=whole, outputs=channels)
    assert ep.counts(trace).set_index("layer").loc["Max_whole"].elementwise_ops == SAMPLES * whole


def test_adaptive_pooling(keras, random, record):
    if not hasattr(keras.layers, "AdaptiveMaxPooling2D"):
        pytest.skip("this Keras has none")
    inputs = keras.Input((7, 5, 4))
    pooled = keras.layers.AdaptiveMaxPooling2D((3, 2), name="layer")(inputs)
    (call,) = record(keras.Model(inputs, pooled), random.randn(SAMPLES, 7, 5, 4)).calls
    # Along 7: inputs 0-3, 2-5, 4-7; along 5: 0-3, 2-5. Windows of 3 x 3 for each of the 6 outputs.
    assert call.steps[0].operation == Pool(method="max", taps=4 * 9 * 6, outputs=24)


@pytest.mark.oldest
def test_merging(keras, random, record):
    """n inputs take n - 1 operations for each element; an average one more, to divide."""
    inputs = [keras.Input((5, 4)) for _ in range(3)]
    expected = {
        "Add": 2,
        "Subtract": 1,
        "Multiply": 2,
        "Maximum": 2,
        "Minimum": 2,
        "Average": 3,
        "Concatenate": 0,
    }
    outputs = {}
    for name in expected:
        given = inputs[:2] if name == "Subtract" else inputs
        outputs[name] = getattr(keras.layers, name)(name=name)(given)
    model = keras.Model(inputs, outputs)
    trace = record(model, [random.randn(SAMPLES, 5, 4) for _ in inputs])
    rows = ep.counts(trace).set_index("layer")
    for name, ops in expected.items():
        assert rows.loc[name].elementwise_ops == SAMPLES * 20 * ops
        assert rows.loc[name].fate == ("free" if name == "Concatenate" else "counted")
    calls = {call.layer: call for call in trace.calls}
    assert len(calls["Add"].inputs) == 3


@pytest.mark.oldest
def test_what_moves_data_is_free(keras, random, record):
    line = {
        "flatten": ("Flatten", {}),
        "reshape": ("Reshape", {"target_shape": (4, 3, 2)}),
        "permute": ("Permute", {"dims": (2, 1)}),
        "crop": ("Cropping1D", {"cropping": 1}),
        "pad": ("ZeroPadding1D", {}),
        "copy": ("UpSampling1D", {}),
        "dropout": ("Dropout", {"rate": 0.5}),
        "noise": ("GaussianNoise", {"stddev": 0.5}),
        "noisy": ("GaussianDropout", {"rate": 0.5}),
        "spatial": ("SpatialDropout1D", {"rate": 0.5}),
        "alpha": ("AlphaDropout", {"rate": 0.5}),
        "identity": ("Identity", {}),
        "regular": ("ActivityRegularization", {}),
    }
    rows = ep.counts(record(branches(keras, line, (6, 4)), random.randn(SAMPLES, 6, 4))).set_index("layer")
    assert set(rows.fate) == {"free"} and len(rows) == len(line)
    plane = {
        "crop": ("Cropping2D", {}),
        "pad": ("ZeroPadding2D", {}),
        "near": ("UpSampling2D", {}),
        "bilinear": ("UpSampling2D", {"interpolation": "bilinear"}),
        "bicubic": ("UpSampling2D", {"interpolation": "bicubic"}),
        "spatial": ("SpatialDropout2D", {"rate": 0.5}),
    }
    rows = ep.counts(record(branches(keras, plane, (6, 4, 3)), random.randn(SAMPLES, 6, 4, 3))).set_index(
        "layer"
    )
    assert rows.fate.to_dict() == dict.fromkeys(plane, "free") | {
        "bilinear": "counted",
        "bicubic": "uncounted",
    }
    # Four products and three sums for each element of twice the height and width.
    assert rows.loc["bilinear"].elementwise_ops == SAMPLES * 7 * 12 * 8 * 3
    repeat = {"repeat": ("RepeatVector", {"n": 3})}
    assert ep.counts(record(branches(keras, repeat, (6,)), random.randn(SAMPLES, 6))).fate.tolist() == [
        "free"
    ]


AUGMENTATIONS = {
    "MaxNumBoundingBoxes": {"max_number": 3},
    "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomHeight": {"factor": 0.2},
    "RandomHue": {"factor": 0.2},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.2},
    "RandomSaturation": {"factor": 0.2},
    "RandomSharpness": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomWidth": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
}


@pytest.mark.oldest
def test_augmentation_does_nothing_at_inference(keras, random, record):
    names = [name for name in IDLE_AT_INFERENCE if hasattr(keras.layers, name)]

    class Each(keras.Model):
        def __init__(self):
            super().__init__()
            self.each = [getattr(keras.layers, n)(**AUGMENTATIONS.get(n, {}), name=n) for n in names]

        def call(self, x):
            return {layer.name: layer(x, training=False) for layer in self.each}

    model = Each()
    x = (255 * random.rand(SAMPLES, 8, 8, 3)).astype("float32")
    model(x)
    model.compile(jit_compile=False)
    for name, made in model.predict(x, verbose=0).items():
        assert np.array_equal(made, x), f"{name} does something"
    rows = ep.counts(record(model, x)).set_index("layer")
    assert rows.fate.to_dict() == dict.fromkeys(names, "free")


@pytest.mark.oldest
def test_preprocessing_of_images(keras, generation, random, record):
    cases = {
        "smaller": ("CenterCrop", {"height": 4, "width": 3}),
        "larger": ("CenterCrop", {"height": 10, "width": 9}),
        "bilinear": ("Resizing", {"height": 5, "width": 4}),
        "nearest": ("Resizing", {"height": 5, "width": 4, "interpolation": "nearest"}),
        "cubic": ("Resizing", {"height": 5, "width": 4, "interpolation": "bicubic"}),
    }
    rows = ep.counts(record(branches(keras, cases, (8, 7, 3)), random.rand(SAMPLES, 8, 7, 3))).set_index(
        "layer"
    )
    assert rows.fate.to_dict() == {
        "smaller": "free",
        "larger": "counted",
        "bilinear": "counted",
        "nearest": "free",
        "cubic": "uncounted",
    }
    assert rows.loc["bilinear"].elementwise_ops == SAMPLES * 7 * 5 * 4 * 3
    assert rows.loc["larger"].elementwise_ops == SAMPLES * 7 * 10 * 9 * 3
    crop = {"crop": ("RandomCrop", {"height": 5, "width": 4})}
    row = ep.counts(record(branches(keras, crop, (8, 7, 3)), random.rand(SAMPLES, 8, 7, 3))).iloc[0]
    # Keras 3 hands the image on, Keras 2 resizes it.
    assert (row.fate, row.elementwise_ops) == (
        ("free", 0) if generation > 2 else ("counted", SAMPLES * 7 * 5 * 4 * 3)
    )


@pytest.mark.oldest
def test_preprocessing_of_numbers_and_categories(keras, random, record):
    numbers = {"bins": ("Discretization", {"bin_boundaries": [0.1, 0.2, 0.4, 0.7, 0.9]})}
    row = ep.counts(record(branches(keras, numbers, (7,)), random.rand(SAMPLES, 7))).iloc[0]
    assert row.elementwise_ops == SAMPLES * 7 * 3, "6 bins are found by 3 comparisons"
    codes = {
        "several": ("CategoryEncoding", {"num_tokens": 5, "output_mode": "multi_hot"}),
        "counts": ("CategoryEncoding", {"num_tokens": 5, "output_mode": "count"}),
        "lookup": ("IntegerLookup", {"vocabulary": [0, 2, 4]}),
        "hashed": ("Hashing", {"num_bins": 3}),
    }
    trace = record(branches(keras, codes, (7,), "int64"), random.randint(0, 5, (SAMPLES, 7)))
    rows = ep.counts(trace).set_index("layer")
    assert (rows.loc["several"].fate, rows.loc["counts"].elementwise_ops) == ("free", SAMPLES * 7)
    assert rows.loc["lookup"].lookups == SAMPLES * 7
    lookup = next(call for call in trace.calls if call.layer == "lookup").steps[0].operation
    assert lookup == Lookup(rows=4, width=1, lookups=7), "three and one for all others"
    assert rows.loc["hashed"].fate == "uncounted"


def test_preprocessing_of_text(keras, record):
    import tensorflow as tf

    inputs = keras.Input((2,), dtype="string")
    words = keras.layers.StringLookup(vocabulary=["a", "b"], name="words")(inputs)
    model = keras.Model(inputs, words)
    model.compile(jit_compile=False)
    (call,) = record(model, tf.constant([["a", "b"], ["c", "a"]])).calls
    assert call.steps[0].operation == Lookup(rows=3, width=1, lookups=2)
    inputs = keras.Input((), dtype="string")
    text = keras.layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=3, name="text")
    model = keras.Model(inputs, text(inputs))
    model.compile(jit_compile=False)
    row = ep.counts(record(model, tf.constant(["a b", "b"]))).iloc[0]
    assert row.fate == "uncounted"
