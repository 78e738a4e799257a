"""A small CNN trained on handwritten digits in Keras, converted to spiking neurons, and run in NengoDL.

The report has a row for each ensemble and each connection; `origin` in the counts names its
Keras layer.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# NengoProbe comes first: from TensorFlow 2.13 on it is what makes nengo_dl importable.
from energyprobe import NengoProbe, Trace, counts, report

# isort: split
import nengo
import nengo_dl
import numpy as np
import tensorflow as tf

from energyprobe.cli import digits

DEVICES = ["loihi", "spinnaker", "gpu"]
SCALE, TIMESTEPS, MINIBATCH, EPOCHS = 100, 30, 50, 15

layers = tf.keras.layers


def trained_cnn(x: np.ndarray, y: np.ndarray) -> tf.keras.Model:
    """Train a CNN with ReLU and average pooling, which NengoDL can convert."""
    image = tf.keras.Input((8, 8, 1), name="image")
    values = layers.Conv2D(8, 3, activation=tf.nn.relu, name="conv1")(image)
    values = layers.AveragePooling2D(2, name="pool")(values)
    values = layers.Conv2D(16, 2, activation=tf.nn.relu, name="conv2")(values)
    values = layers.Dense(10, name="classes")(layers.Flatten(name="flatten")(values))
    model = tf.keras.Model(image, values, name="cnn")
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    model.fit(x, y, epochs=EPOCHS, batch_size=64, verbose=0)
    return model


def converted(
    model: tf.keras.Model, scale: float, timesteps: int, x: np.ndarray, y: np.ndarray
) -> tuple[Trace, float]:
    """Convert a CNN and show it whole minibatches of images for some timesteps; give trace and accuracy."""
    converter = nengo_dl.Converter(
        model,
        swap_activations={tf.nn.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=scale,
        synapse=0.005,
        inference_only=True,
    )
    usable = len(x) - len(x) % MINIBATCH
    shown = np.repeat(x[:usable].reshape(usable, 1, -1), timesteps, axis=1)
    with nengo_dl.Simulator(converter.net, minibatch_size=MINIBATCH, progress_bar=False, seed=0) as sim:
        with NengoProbe(sim) as probe:
            output = sim.predict({converter.inputs[model.input]: shown}, verbose=0)
    scores = output[converter.outputs[model.output]][:, -1]
    return probe.trace, float(np.mean(scores.argmax(-1) == y[:usable]))


def main() -> None:
    """Train, convert, record and print."""
    tf.keras.utils.set_random_seed(0)
    data = digits.load()
    model = trained_cnn(data.x_train, data.y_train)
    conventional = model.evaluate(data.x_test, data.y_test, verbose=0)[1]
    trace, spiking = converted(model, SCALE, TIMESTEPS, data.x_test, data.y_test)

    print(f"{conventional:.1%} of the test digits right in Keras, {spiking:.1%} with spikes\n")
    table = counts(trace, reading="folded")
    columns = ["layer", "origin", "event_synops", "output_firing_rate_hz", "silent_fraction"]
    print(table[columns].to_string(index=False))
    print()
    print(report(trace, devices=DEVICES))


if __name__ == "__main__":
    main()
