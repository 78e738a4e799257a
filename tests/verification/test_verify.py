"""``ep.verify``: what it counts is right by hand, what is wrong it finds, what it cannot check it says."""

from __future__ import annotations

import re

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Dense
from energyprobe.verification.result import Check, Verification


def test_a_dense_layer_by_hand(package, network, quantities) -> None:
    model = network((3,), package.layers.Dense(2, activation="relu", name="hidden"))
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


def test_layers_inside_others(package, data) -> None:
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


@pytest.mark.parametrize("package", ["tf_keras"], indirect=True)
def test_spiking_layers(package, network, data, quantities) -> None:
    keras_spiking = pytest.importorskip("keras_spiking")
    layers = package.layers
    spikes = keras_spiking.SpikingActivation("relu", dt=0.5, name="spikes")
    model = network((5, 4), layers.Dense(7), spikes, layers.Dense(3, name="out"))
    found = ep.verify(model, 40 * data(3, 5, 4))
    counts = quantities(found, "spikes")
    assert counts["neuron_updates"] == 3 * 5 * 7
    assert counts["spikes"] > counts["events"] > 0
    out = quantities(found, "out")
    assert out["spike_synops"] == 3 * counts["spikes"] and out["event_synops"] == 3 * counts["events"]


def test_what_nothing_counts_is_unchecked(package, network, data) -> None:
    layers = package.layers

    class Own(layers.Dense):
        pass

    model = network(
        (4, 6),
        layers.PReLU(name="slopes"),
        Own(3, name="own"),
        layers.GRU(2, reset_after=False, name="gru"),
        layers.Flatten(name="flatten"),
    )
    found = ep.verify(model, data(2, 4, 6))
    assert found.unchecked["slopes"] == "nothing counts a PReLU by brute force"
    assert found.unchecked["own"] == "nothing counts a Own by brute force"
    assert found.unchecked["flatten"] == "it is free"
    # Its cell counts on its own, once for each timestep.
    assert any(path.startswith("gru/") for path in found.unchecked)
    assert found.checks == ()
    assert "2 samples, 0 counts, nothing checked" in str(found)
    assert " · slopes: nothing counts a PReLU by brute force" in str(found)


def test_a_wrong_count_is_found_and_told(package, network) -> None:
    model = network((3,), package.layers.Dense(2, use_bias=False, name="hidden"))
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


def test_the_model_is_left_as_it_was(package, network, data) -> None:
    model = network((3,), package.layers.Dense(2, name="hidden"))
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


def test_what_is_no_model_is_refused(data) -> None:
    with pytest.raises(ep.ModelError, match="records a Keras model, but was given builtins.str"):
        ep.verify("model.keras", data(4, 3))


def test_several_inputs(package, data, quantities) -> None:
    left, right = package.Input((3,), name="left"), package.Input((4,), name="right")
    joined = package.layers.Concatenate(name="join")([left, right])
    model = package.Model([left, right], package.layers.Dense(2, name="out")(joined))
    for x in ([data(9, 3), data(9, 4)], {"left": data(9, 3), "right": data(9, 4)}):
        assert quantities(ep.verify(model, x), "out")["dense_synops"] == 8 * 7 * 2


def test_a_layer_that_runs_at_each_timestep_is_unchecked(package, network, data) -> None:
    class Cell(package.layers.Layer):
        state_size = output_size = 3

        def build(self, shape):
            self.dense = package.layers.Dense(3, name="dense")
            self.dense.build((None, shape[-1]))

        def call(self, inputs, states):
            made = self.dense(inputs) + states[0]
            return made, [made]

    model = network((4, 6), package.layers.RNN(Cell(name="cell"), name="rnn"))
    found = ep.verify(model, data(2, 4, 6))
    # 4 timesteps, and the calls by which Keras learns about shapes.
    assert re.fullmatch(r"it ran \d+ times in 1 recorded call", found.unchecked["rnn/cell/dense"])


def test_data_of_the_wrong_shape(package, network, data) -> None:
    model = network((4, 6), package.layers.Dense(2, name="hidden"))
    for shape in ((3, 4, 7), (3, 4), (3, 5, 6, 2)):
        with pytest.raises(ep.DataError) as caught:
            ep.verify(model, data(*shape))
        assert str(caught.value) == (
            f"the model net reads (samples, 4, 6), but was given {shape}: pass an array of this shape"
        )
    assert ep.verify(model, data(3, 4, 6)).differences == (), "the model is as it was"


def test_data_that_do_not_fit_several_inputs(package, data) -> None:
    left, right = package.Input((3,), name="left"), package.Input((None, 4), name="right")
    joined = package.layers.Concatenate(name="join")([package.layers.Dense(4)(left), right[:, 0]])
    model = package.Model([left, right], joined, name="both")
    of_left, of_right = data(5, 3), data(5, 2, 4)
    for wrong, given in (
        ([of_left, data(5, 2, 7)], "(5, 3), (5, 2, 7)"),
        ({"right": data(5, 4), "left": of_left}, "(5, 3), (5, 4)"),
        ([of_left], "(5, 3)"),
        ([of_left, of_right[:4]], "(5, 3), (4, 2, 4)"),
    ):
        with pytest.raises(ep.DataError) as caught:
            ep.verify(model, wrong)
        assert str(caught.value) == (
            f"the model both reads left (samples, 3), right (samples, any, 4), but was given {given}: "
            "pass an array for each, in this order or by name, with as many samples in one as in the others"
        )


def test_an_error_that_is_not_of_the_data_is_handed_on(package, network, data) -> None:
    class Odd(package.layers.Layer):
        def call(self, inputs):
            if len(inputs.shape) == 3 and inputs.shape[1] == 4:
                raise ValueError("no fours")
            return inputs

    model = network((None, 6), Odd(name="odd"))
    with pytest.raises(ValueError, match="no fours") as caught:
        ep.verify(model, data(3, 4, 6))
    assert not isinstance(caught.value, ep.DataError)


def test_the_result_as_a_table() -> None:
    checks = (Check("a", "dense_synops", 3, 3), Check("a", "events", None, 2))
    frame = Verification("net", 1, checks, {}).to_dataframe()
    assert list(frame.columns) == ["layer", "quantity", "recorded", "brute_force", "equal"]
    assert frame["equal"].tolist() == [True, False]
    assert frame["recorded"].isna().tolist() == [False, True]
