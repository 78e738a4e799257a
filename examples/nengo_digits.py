"""A small CNN trained on handwritten digits in Keras, converted to spiking neurons, and run in NengoDL.

The report has a row for each ensemble and each connection; `origin` in the counts names its
Keras layer.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# NengoProbe comes first: from TensorFlow 2.13 on it is what makes nengo_dl importable.
from energyprobe import NengoProbe, counts, report

# isort: split
import nengo
import nengo_dl
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

DEVICES = ["loihi", "spinnaker", "gpu"]
TIMESTEPS, MINIBATCH, EPOCHS = 30, 50, 15

layers = tf.keras.layers


def load() -> list[np.ndarray]:
    """Give train images, test images, train labels and test labels."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    return train_test_split(images, digits.target, test_size=0.25, random_state=0, stratify=digits.target)


def cnn() -> tf.keras.Model:
    """Build a CNN with ReLU and average pooling."""
    image = tf.keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, activation=tf.nn.relu, name="conv1")(image)
    x = layers.AveragePooling2D(2, name="pool")(x)
    x = layers.Conv2D(16, 2, activation=tf.nn.relu, name="conv2")(x)
    x = layers.Dense(10, name="classes")(layers.Flatten(name="flatten")(x))
    return tf.keras.Model(image, x, name="cnn")


def main() -> None:
    """Train, convert, record and print."""
    tf.keras.utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = load()
    model = cnn()
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=EPOCHS, batch_size=64, verbose=0)
    conventional = model.evaluate(x_test, y_test, verbose=0)[1]

    converter = nengo_dl.Converter(
        model,
        swap_activations={tf.nn.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=100,
        synapse=0.005,
        inference_only=True,
    )
    usable = len(x_test) - len(x_test) % MINIBATCH
    shown = np.repeat(x_test[:usable].reshape(usable, 1, -1), TIMESTEPS, axis=1)
    with nengo_dl.Simulator(converter.net, minibatch_size=MINIBATCH, progress_bar=False, seed=0) as sim:
        with NengoProbe(sim) as probe:
            output = sim.predict({converter.inputs[model.input]: shown}, verbose=0)
    scores = output[converter.outputs[model.output]][:, -1]
    spiking = np.mean(scores.argmax(-1) == y_test[:usable])

    print(f"{conventional:.1%} of the test digits right in Keras, {spiking:.1%} with spikes\n")
    table = counts(probe.trace, reading="folded")
    columns = ["layer", "origin", "event_synops", "output_firing_rate_hz", "silent_fraction"]
    print(table[columns].to_string(index=False))
    print()
    print(report(probe.trace, devices=DEVICES))


if __name__ == "__main__":
    main()
