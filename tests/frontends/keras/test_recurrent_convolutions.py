"""``ConvLSTM1D`` to ``ConvLSTM3D``: two convolutions, counted by convolutions of ones over masks."""

from __future__ import annotations

import numpy as np
import pytest

from energyprobe.trace.operations import Conv, NeuronUpdate

SAMPLES, STEPS = 3, 4


@pytest.mark.parametrize("axes", [1, pytest.param(2, marks=pytest.mark.oldest), 3])
def test_convolutional_cells(keras, random, record, axes):
    """Both convolutions by the layer's own outputs and by convolutions of masks."""
    spatial, channels, filters = (6, 5, 4)[:axes], 2, 3
    inputs = keras.Input((STEPS, *spatial, channels))
    variants = [
        {"data_format": "channels_last", "padding": "valid", "strides": 2},
        {"data_format": "channels_last", "padding": "same", "dilation_rate": 2},
        {"data_format": "channels_first", "padding": "same", "strides": 2},
    ]
    layers, outputs = {}, {}
    for number, arguments in enumerate(variants):
        name = f"case_{number}"
        layers[name] = getattr(keras.layers, f"ConvLSTM{axes}D")(
            filters, 2, activation="relu", return_sequences=True, name=name, **arguments
        )
        first = arguments["data_format"] == "channels_first"
        source = keras.layers.Permute((1, axes + 2, *range(2, axes + 2)))(inputs) if first else inputs
        outputs[name] = layers[name](source)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    model.set_weights([random.choice([-2.0, -1.0, 0.0, 0.0, 1.0], w.shape) for w in model.get_weights()])
    x = random.choice([0.0, 1.0, -2.0], (SAMPLES, STEPS, *spatial, channels)).astype("float32")
    made = {name: np.asarray(each) for name, each in model.predict(x, verbose=0).items()}
    calls = {call.layer: call for call in record(model, x, batch_size=2).calls}
    for number, arguments in enumerate(variants):
        name = f"case_{number}"
        kernel, recurrent = (np.asarray(each) for each in layers[name].get_weights()[:2])
        states = made[name]
        if arguments["data_format"] == "channels_first":
            states = np.moveaxis(states, 2, -1)
        states = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], 1)
        convolution = getattr(keras.layers, f"Conv{axes}D")
        shared = {key: each for key, each in arguments.items() if key != "data_format"}
        uses = [step.use for step in calls[name].steps[:2]]
        for use, weights, data, settings in (
            (uses[0], kernel, x, shared),
            (uses[1], recurrent, states, {"padding": "same"}),
        ):
            counter = convolution(4 * filters, 2, use_bias=False, **settings)
            mask = (data != 0).astype("float32").reshape(-1, *data.shape[2:])
            counter.build(mask.shape)
            counter.set_weights([np.ones_like(weights)])
            assert use.fanout_events == np.sum(np.asarray(counter(mask)), dtype=float), arguments
            counter.set_weights([weights != 0])
            assert use.effective_events == np.sum(np.asarray(counter(mask)), dtype=float), arguments
        operation = calls[name].steps[1].operation
        assert isinstance(operation, Conv) and operation.strides == (1,) * axes
        neurons = int(np.prod(states.shape[2:]))
        assert calls[name].steps[-1].operation == NeuronUpdate(neuron="lstm", neurons=neurons)
        assert calls[name].timesteps == STEPS
