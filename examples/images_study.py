"""Handwritten digits: accuracy against energy, of a CNN, a KerasSpiking network and a converted CNN.

The CNN is converted to spikes with NengoDL at several `scale_firing_rates`, and runs for several numbers
of timesteps: both buy accuracy, and what they cost in energy is printed. Then all three networks are
compared. The comparison is written to a file if one is named:
``python examples/images_study.py digits.html``.
"""

import sys

import nengo_digits
import pandas as pd
import tensorflow as tf

import energyprobe as ep
from energyprobe.cli import digits

DEVICES = ["raspberry-pi-4", "a100", "loihi"]
SCALES = (50, 100, 200, 500)
TIMESTEPS = (10, 20, 40)


def main() -> None:
    """Train and record the networks, print the sweep and the comparison."""
    tf.keras.utils.set_random_seed(0)
    data = digits.load()
    model = nengo_digits.trained_cnn(data.x_train, data.y_train)
    runs = {
        (scale, timesteps): nengo_digits.converted(model, scale, timesteps, data.x_test, data.y_test)
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
