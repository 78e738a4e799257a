"""Handwritten digits: accuracy against energy, of a CNN, a KerasSpiking network and a converted CNN.

The CNN is converted to spikes with NengoDL at several `scale_firing_rates`, and runs for several numbers
of timesteps: both buy accuracy, and what they cost in energy is printed. Then all three networks are
compared. The comparison is written to a file if one is named:
``python examples/images_study.py digits.html``.
"""

import sys

import nengo_digits  # makes nengo_dl importable on TensorFlow 2.13 and newer

# isort: split
import nengo
import nengo_dl
import numpy as np
import pandas as pd
import tensorflow as tf

import energyprobe as ep
from energyprobe.cli import digits

DEVICES = ["raspberry-pi-4", "a100", "loihi"]
SCALES = (50, 100, 200, 500)
TIMESTEPS = (10, 20, 40)
IMAGES = 450
MINIBATCH = 50


def trained_cnn(x: np.ndarray, y: np.ndarray) -> tf.keras.Model:
    """Train a CNN that NengoDL can convert."""
    model = nengo_digits.cnn()
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(x, y, epochs=nengo_digits.EPOCHS, batch_size=64, verbose=0)
    return model


def converted(
    model: tf.keras.Model, scale: float, timesteps: int, x: np.ndarray, y: np.ndarray
) -> tuple[ep.Trace, float]:
    """Convert a CNN and show it images for some timesteps; give the trace and the accuracy."""
    converter = nengo_dl.Converter(
        model,
        swap_activations={tf.nn.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=scale,
        synapse=0.005,
        inference_only=True,
    )
    shown = np.repeat(x.reshape(len(x), 1, -1), timesteps, axis=1)
    with nengo_dl.Simulator(converter.net, minibatch_size=MINIBATCH, progress_bar=False, seed=0) as sim:
        with ep.NengoProbe(sim) as probe:
            output = sim.predict({converter.inputs[model.input]: shown}, verbose=0)
    scores = output[converter.outputs[model.output]][:, -1]
    return probe.trace, float(np.mean(scores.argmax(-1) == y))


def main() -> None:
    """Train and record the networks, print the sweep and the comparison."""
    tf.keras.utils.set_random_seed(0)
    data = digits.load()
    model = trained_cnn(data.x_train, data.y_train)
    shown, labels = data.x_test[:IMAGES], data.y_test[:IMAGES]
    runs = {
        (scale, timesteps): converted(model, scale, timesteps, shown, labels)
        for scale in SCALES
        for timesteps in TIMESTEPS
    }
    sweep = pd.DataFrame(
        {
            "scale_firing_rates": scale,
            "timesteps": timesteps,
            "accuracy": accuracy,
            "spikes per inference": ep.counts(trace).spikes.sum() / trace.samples,
            "loihi (uJ)": ep.report(trace, "loihi").total("loihi").energy_j * 1e6,
            "a100 (mJ)": ep.report(trace, "a100", launch="stream").total("a100").energy_j * 1e3,
        }
        for (scale, timesteps), (trace, accuracy) in runs.items()
    )
    print("The converted CNN\n")
    print(sweep.to_string(index=False, float_format="{:.4g}".format))

    keras, (epochs, spiking_epochs) = tf.keras, digits.EPOCHS
    traces, accuracy = {}, {}
    traces["cnn"], accuracy["cnn"] = digits.train_and_record(keras, digits.conventional(keras), data, epochs)
    traces["snn"], accuracy["snn"] = digits.train_and_record(
        keras, digits.spiking(keras), data.over_time, spiking_epochs
    )
    traces["converted"], accuracy["converted"] = runs[max(SCALES), max(TIMESTEPS)]
    comparison = ep.compare(traces, DEVICES, batch_sizes=[1, 64], accuracy=accuracy, launch="stream")
    print(comparison)
    if len(sys.argv) > 1:
        comparison.save(sys.argv[1])


if __name__ == "__main__":
    main()
