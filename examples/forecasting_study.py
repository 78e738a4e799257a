"""Forecasting sunspots: does a spiking network use less energy than an LSTM or a CNN, and where?

From the last 24 years of sunspot numbers (real data, bundled with statsmodels) four networks of like
accuracy predict the next year: an LSTM, a convolutional network, a KerasSpiking network, and a network
of spiking neurons built with Nengo's Neural Engineering Framework. Each is recorded while it predicts
the test years. The comparison is printed, and written to a file if one is named:
``python examples/forecasting_study.py forecasting.html``.
"""

import os
import sys

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # KerasSpiking and NengoDL need Keras 2, as tf_keras
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# NengoProbe comes first: from TensorFlow 2.13 on it is what makes nengo_dl importable.
import energyprobe as ep
from energyprobe import NengoProbe

# isort: split
import keras_spiking
import nengo
import nengo_dl
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.polynomial.legendre import legvander
from statsmodels.datasets import sunspots

WINDOW = 24
"""Years that a forecast is made from."""

TEST_YEARS = 60
SCALE = 100
"""Sunspots for a value of 1."""

SPIKING_TIMESTEPS, SPIKING_DT = 16, 0.5
EPOCHS = {"lstm": 300, "cnn": 150, "snn": 300}
NEF_TIMESTEPS, NEF_NEURONS, NEF_DIMENSIONS = 200, 1000, 8
DEVICES = ["raspberry-pi-4", "cortex-m4", "a100", "a100:best", "loihi", "spinnaker2", "45nm-int8"]

layers = tf.keras.layers
Windows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def load() -> Windows:
    """Give windows and next years, to train on and, after those, to test on."""
    years = np.asarray(sunspots.load_pandas().data.SUNACTIVITY, np.float32) / SCALE
    windows = np.lib.stride_tricks.sliding_window_view(years, WINDOW)[:-1]
    targets = years[WINDOW:]
    return windows[:-TEST_YEARS], windows[-TEST_YEARS:], targets[:-TEST_YEARS], targets[-TEST_YEARS:]


def lstm() -> tf.keras.Model:
    """Build a recurrent network that reads a year at a time."""
    return tf.keras.Sequential(
        [tf.keras.Input((WINDOW, 1)), layers.LSTM(16, name="lstm"), layers.Dense(1, name="next")], name="lstm"
    )


def cnn() -> tf.keras.Model:
    """Build a convolutional network over the window."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((WINDOW, 1)),
            layers.Conv1D(16, 12, activation="relu", name="conv1"),
            layers.Conv1D(16, 5, activation="relu", name="conv2"),
            layers.Flatten(name="flatten"),
            layers.Dense(1, name="next"),
        ],
        name="cnn",
    )


def snn() -> tf.keras.Model:
    """Build a spiking network, which is shown the window in every timestep."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((SPIKING_TIMESTEPS, WINDOW)),
            layers.TimeDistributed(layers.Dense(64), name="hidden"),
            keras_spiking.SpikingActivation("relu", dt=SPIKING_DT, seed=1, name="spikes"),
            layers.TimeDistributed(layers.Dense(1), name="next"),
            layers.GlobalAveragePooling1D(name="mean"),
        ],
        name="snn",
    )


def train_and_record(
    model: tf.keras.Model, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, epochs: int
) -> tuple[np.ndarray, ep.Trace]:
    """Train a model; give its forecasts of the test years and the trace."""
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss="mse")
    model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
    probe = ep.KerasProbe()
    return model.predict(x_test, verbose=0, callbacks=[probe])[:, 0], probe.trace


def nef(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, ep.Trace]:
    """Solve for the decoders of one ensemble, which represents a window by its Legendre coefficients."""
    orders = np.arange(NEF_DIMENSIONS)
    basis = legvander(np.linspace(-1, 1, WINDOW), NEF_DIMENSIONS - 1) * np.sqrt(2 * orders + 1) / WINDOW
    mean = x.mean()
    basis /= 2.5 * ((x - mean) @ basis).std(axis=0)
    points = (x - mean) @ basis
    with nengo.Network(seed=0) as net:
        window = nengo.Node(np.zeros(WINDOW), label="window")
        ensemble = nengo.Ensemble(
            NEF_NEURONS,
            NEF_DIMENSIONS,
            radius=float(np.percentile(np.linalg.norm(points, axis=1), 95)),
            max_rates=nengo.dists.Uniform(100, 200),
            label="neurons",
        )
        forecast = nengo.Node(size_in=1, label="next")
        nengo.Connection(window, ensemble, transform=basis.T, synapse=None)
        nengo.Connection(
            ensemble,
            forecast,
            eval_points=points,
            scale_eval_points=False,
            function=y[:, np.newaxis],
            synapse=0.04,
        )
        output = nengo.Probe(forecast)
    shown = np.repeat((x_test - mean)[:, np.newaxis], NEF_TIMESTEPS, axis=1)
    with nengo_dl.Simulator(net, minibatch_size=len(x_test), progress_bar=False, seed=0) as sim:
        with NengoProbe(sim) as probe:
            forecasts = sim.predict({window: shown}, verbose=0)[output][:, -1, 0]
    return forecasts, probe.trace


def activity(traces: dict[str, ep.Trace]) -> pd.DataFrame:
    """Firing rates and sparsity of the layers that do synaptic operations or fire."""
    tables = {name: ep.counts(trace) for name, trace in traces.items()}
    columns = ["input_sparsity", "output_sparsity", "output_firing_rate_hz", "silent_fraction"]
    rows = pd.concat(tables, names=["model"]).reset_index(level=0)
    active = (rows.dense_synops > 0) | (rows.neuron_updates > 0)
    return rows.loc[active, ["model", "layer", "event_synops", "neuron_updates", *columns]]


def record_all(windows: Windows) -> tuple[dict[str, ep.Trace], dict[str, np.ndarray]]:
    """Train and record the networks; give their traces and their forecasts of the test years."""
    x, x_test, y, _ = windows
    column, column_test = x[..., np.newaxis], x_test[..., np.newaxis]
    shown, shown_test = (np.repeat(each[:, np.newaxis], SPIKING_TIMESTEPS, axis=1) for each in (x, x_test))
    traces, forecasts = {}, {}
    for name, run in {
        "lstm": lambda: train_and_record(lstm(), column, y, column_test, EPOCHS["lstm"]),
        "cnn": lambda: train_and_record(cnn(), column, y, column_test, EPOCHS["cnn"]),
        "snn": lambda: train_and_record(snn(), shown, y, shown_test, EPOCHS["snn"]),
        "nef": lambda: nef(x, y, x_test),
    }.items():
        tf.keras.utils.set_random_seed(0)
        forecasts[name], traces[name] = run()
    return traces, forecasts


def qualities(forecasts: dict[str, np.ndarray], y_test: np.ndarray) -> dict[str, ep.Quality]:
    """Give the root mean square errors of forecasts, in sunspots."""
    errors = {name: SCALE * np.sqrt(np.mean((each - y_test) ** 2)) for name, each in forecasts.items()}
    return {
        name: ep.Quality(float(error), "RMSE in sunspots", higher_is_better=False, n_test=len(y_test))
        for name, error in errors.items()
    }


def main() -> None:
    """Train and record the networks, print where the energy goes, and compare them."""
    windows = load()
    traces, forecasts = record_all(windows)
    quality = qualities(forecasts, windows[-1])
    how = {"baseline": "lstm", "quality": quality, "launch": "stream"}
    print("Activity, of all test years\n")
    print(activity(traces).to_string(index=False, float_format="{:.3g}".format, na_rep=""))
    print("\nWhere the energy of the spiking network goes\n")
    print(ep.report(traces["snn"], devices=["cortex-m4", "a100", "loihi"]))
    print("\nBack to back, alone and in full batches\n")
    full_speed = ep.compare(traces, DEVICES, batch_sizes=[1, 64], **how)
    print(full_speed)
    print("\nOne forecast a second\n")
    paced = ep.compare(traces, DEVICES, inferences_per_second=1, **how)
    print("\n".join(f"· {each.case.device}: {each.words}" for each in paced.verdicts))
    if len(sys.argv) > 1:
        full_speed.save(sys.argv[1])


if __name__ == "__main__":
    main()
