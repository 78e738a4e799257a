"""``ep.verify``: what it counts is right by hand, what is wrong it finds, what it cannot check it says."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Dense
from energyprobe.verification.result import Check, Verification

keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")
BOTH = pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])


def data(*shape: int) -> np.ndarray:
    drawn = np.random.default_rng(seed=sum(shape)).random(shape, dtype=np.float32)
    return np.where(drawn < 0.4, 0, drawn - 0.5).astype(np.float32)


def network(package, shape: tuple[int, ...], *layers):
    return package.Sequential([package.Input(shape), *layers], name="net")


def quantities(found: Verification, layer: str) -> dict[str, int]:
    return {check.quantity: check.brute_force for check in found.checks if check.layer == layer}


@BOTH
def test_a_dense_layer_by_hand(package) -> None:
    model = network(package, (3,), package.layers.Dense(2, activation="relu", name="hidden"))
    model.layers[-1].set_weights([np.array([[1.0, 0], [0, 0], [-1, 2]]), np.zeros(2)])
    x = np.array([[1.0, 0, 3], [0, 5, 0]], dtype=np.float32)
    found = ep.verify(model, x)
    # Dense: 2 samples x 3 inputs x 2 units. Events: 3 inputs are not zero, 2 units each. Effective: input 0
    # meets 1 weight, input 2 meets 2, input 1 none. Elementwise: 2 x 2 biases, 2 x 2 ReLUs.
    # Outputs: (1 - 3, 6) -> (0, 6) and (0, 0): one event.
    assert quantities(found, "hidden") == {
        "dense_synops": 12,
        "event_synops": 6,
        "effective_synops": 3,
        "spike_synops": 6,
        "elementwise_ops": 8,
        "parameters": 8,
        "events": 1,
    }
    assert found.differences == () and found.unchecked == {}


@BOTH
def test_layers_inside_others(package) -> None:
    layers = package.layers
    inputs = package.Input((4, 6))
    x = layers.TimeDistributed(layers.Dense(5, activation="relu"), name="td")(inputs)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="lstm"), name="bi")(x)
    x = package.Sequential([layers.Dense(3, name="first"), layers.ReLU(name="relu")], name="block")(x)
    shared = layers.Dense(3, name="shared")
    found = ep.verify(package.Model(inputs, shared(shared(x))), data(3, 4, 6))
    assert found.unchecked == {}
    paths = ["td", "bi/forward_lstm", "bi/backward_lstm", "block/first", "block/relu", "shared", "shared#1"]
    assert list(dict.fromkeys(check.layer for check in found.checks)) == paths


def test_spiking_layers() -> None:
    pytest.importorskip("keras_spiking")
    import keras_spiking

    layers = tf_keras.layers
    spikes = keras_spiking.SpikingActivation("relu", dt=0.5, name="spikes")
    model = network(tf_keras, (5, 4), layers.Dense(7), spikes, layers.Dense(3, name="out"))
    found = ep.verify(model, 40 * data(3, 5, 4))
    counts = quantities(found, "spikes")
    assert counts["neuron_updates"] == 3 * 5 * 7
    assert counts["spikes"] > counts["events"] > 0
    out = quantities(found, "out")
    assert out["spike_synops"] == 3 * counts["spikes"] and out["event_synops"] == 3 * counts["events"]


@BOTH
def test_what_nothing_counts_is_unchecked(package) -> None:
    layers = package.layers

    class Own(layers.Dense):
        pass

    model = network(
        package,
        (4, 6),
        layers.LayerNormalization(name="norm"),
        Own(3, name="own"),
        layers.GRU(2, reset_after=False, name="gru"),
        layers.Flatten(name="flatten"),
    )
    found = ep.verify(model, data(2, 4, 6))
    assert found.unchecked["norm"] == "nothing counts a LayerNormalization by brute force"
    assert found.unchecked["own"] == "nothing counts a Own by brute force"
    assert found.unchecked["flatten"] == "it is free"
    assert any(path.startswith("gru") for path in found.unchecked)
    assert found.checks == ()
    assert "2 samples, 0 counts, nothing checked" in str(found)
    assert " · norm: nothing counts a LayerNormalization by brute force" in str(found)


@BOTH
def test_a_wrong_count_is_found_and_told(package) -> None:
    model = network(package, (3,), package.layers.Dense(2, use_bias=False, name="hidden"))
    wrong = {package.layers.Dense: lambda call: Dense(inputs=3, units=5)}
    with pytest.raises(ep.VerificationError) as caught:
        ep.verify(model, np.ones((4, 3), np.float32), layers=wrong)
    message = str(caught.value)
    assert message.startswith("4 of 6 counts of 'net' differ from brute force: ")
    assert "; event_synops of hidden: recorded 60, by brute force 24; " in message
    assert "; effective_synops of hidden: recorded None, by brute force 24; " in message
    assert message.endswith("; all are in the error's .verification")
    found = caught.value.verification
    assert isinstance(found, Verification) and len(found.differences) == 4
    assert "4 differ" in str(found) and "NO" in str(found)


@BOTH
def test_the_model_is_left_as_it_was(package) -> None:
    model = network(package, (3,), package.layers.Dense(2, name="hidden"))
    x = data(40, 3)
    before, weights = model.predict(x, verbose=0), model.get_weights()
    assert ep.verify(model, x).samples == 8
    assert ep.verify(model, x, samples=3).samples == 3
    assert "call" not in vars(model.layers[-1]) and not model.run_eagerly
    np.testing.assert_equal(model.predict(x, verbose=0), before)
    np.testing.assert_equal(model.get_weights(), weights)
    for nothing in (x[:0], [], {}):
        with pytest.raises(ep.OptionError, match="verify needs at least one sample"):
            ep.verify(model, nothing)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ep.ModelError, match="records a Keras model, but was given builtins.str"):
        ep.verify("model.keras", data(4, 3))


@BOTH
def test_several_inputs(package) -> None:
    left, right = package.Input((3,), name="left"), package.Input((4,), name="right")
    joined = package.layers.Concatenate(name="join")([left, right])
    model = package.Model([left, right], package.layers.Dense(2, name="out")(joined))
    for x in ([data(9, 3), data(9, 4)], {"left": data(9, 3), "right": data(9, 4)}):
        assert quantities(ep.verify(model, x), "out")["dense_synops"] == 8 * 7 * 2


def test_the_result_as_a_table() -> None:
    checks = (Check("a", "dense_synops", 3, 3), Check("a", "events", None, 2))
    frame = Verification("net", 1, checks, {}).to_dataframe()
    assert list(frame.columns) == ["layer", "quantity", "recorded", "brute_force", "equal"]
    assert frame["equal"].tolist() == [True, False]
    assert frame["recorded"].isna().tolist() == [False, True]
