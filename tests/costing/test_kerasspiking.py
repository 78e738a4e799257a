"""Against KerasSpiking's ModelEnergy: equal where it is right, right where it is wrong.

Its figures are given to a device of the same model; its formulas are worked out by hand, and
ModelEnergy itself runs beside where it is installed.
"""

import numpy as np
import pytest

from energyprobe.costing.lookup import device
from energyprobe.trace.operations import Dense, NeuronUpdate

DT = 0.001
STEPS = 20
SPIKES = 37
KERAS_SPIKING_LOIHI = {"acs": 23.6 + 3.5, "neuron_updates": 81}


def spike_train():
    """37 spikes of 1 / dt, of 10 neurons in 20 timesteps."""
    values = np.zeros(10 * STEPS, dtype=np.float32)
    values[np.arange(SPIKES) * 5 % values.size] = 1 / DT
    return values.reshape(1, STEPS, 10)


@pytest.fixture
def snn(make_call, make_trace, spiking):
    """10 spiking inputs -> Dense 4 -> 4 spiking neurons, for 20 timesteps."""
    return make_trace(
        make_call("dense", (Dense(inputs=10, units=4), spiking(SPIKES * 4)), timesteps=STEPS),
        make_call("spiking", (NeuronUpdate(neuron="integrate-and-fire", neurons=4), None), timesteps=STEPS),
    )


def model_energy(data):
    """ModelEnergy of that network, on those spikes."""
    tf = pytest.importorskip("tensorflow")
    keras_spiking = pytest.importorskip("keras_spiking")
    inputs = tf.keras.Input((STEPS, 10))
    hidden = tf.keras.layers.TimeDistributed(tf.keras.layers.Dense(4))(inputs)
    outputs = keras_spiking.SpikingActivation("relu", spiking_aware_training=False)(hidden)
    return keras_spiking.ModelEnergy(tf.keras.Model(inputs, outputs), example_data=data)


def test_equal_by_hand_on_loihi(snn, make_device):
    # Rate: 37 spikes / (10 neurons * 20 steps * 1 ms) = 185 Hz.
    # Synops: 40 connections * 185 Hz * 1 ms * 20 steps = 148.
    # Energy: 148 * 27.1 pJ + 4 * 20 * 81 pJ = 10,490.8 pJ.
    chip = make_device(graded_events=False, **KERAS_SPIKING_LOIHI)
    assert chip.cost(snn).total().energy_j == pytest.approx(10490.8e-12)


def test_what_ours_differs_by_on_loihi(snn):
    # Davies et al. publish 23.6 pJ a synop: 148 * 3.5 pJ less.
    assert device("loihi-constant").cost(snn).total().energy_j == pytest.approx(10490.8e-12 - 148 * 3.5e-12)


def test_equal_to_the_program_itself(snn, make_device):
    theirs = model_energy(spike_train())
    chip = make_device(graded_events=False, **KERAS_SPIKING_LOIHI)
    expected = theirs.total_energy("loihi", timesteps_per_inference=STEPS, dt=DT)
    assert chip.cost(snn).total().energy_j == pytest.approx(expected, rel=1e-6)
    for name in ("spinnaker", "spinnaker2"):
        expected = theirs.total_energy(name, timesteps_per_inference=STEPS, dt=DT)
        assert device(name).cost(snn).total().energy_j == pytest.approx(expected, rel=1e-6)
    # On conventional devices it prices one timestep, whatever it is told: ours pays for all 20.
    for name in ("cpu", "gpu", "arm"):
        expected = theirs.total_energy(name, timesteps_per_inference=STEPS, dt=DT)
        assert device(name).cost(snn).total().energy_j == pytest.approx(STEPS * expected, rel=1e-6)


@pytest.mark.parametrize(("name", "joules"), [("cpu", 8.6e-9), ("gpu", 0.3e-9), ("arm", 0.9e-9)])
def test_a_dense_implementation_runs_every_timestep(snn, name, joules):
    # (10 * 4 multiplications + 4 updates) * 20 steps = 880 operations; ModelEnergy prices 44.
    cost = device(name).cost(snn)
    assert cost.total().energy_j == pytest.approx(880 * joules)
    assert "a dense implementation runs each of 20 timesteps in full, zeros included" in cost.notes


def test_a_layer_used_twice_is_priced_twice(make_call, make_trace, spiking, make_device):
    # 10 units are used twice, on 2 spikes each time: 2 * 10 synops a call, 40 in all. ModelEnergy adds up
    # connections and rates of both uses before it multiplies them: (100 + 100) * (rate + rate) gives 80.
    wide = Dense(inputs=10, units=10)
    trace = make_trace(
        make_call("dense", (wide, spiking(20)), timesteps=STEPS),
        make_call("dense", (wide, spiking(20)), call_index=1, timesteps=STEPS),
    )
    cost = make_device(graded_events=False, **KERAS_SPIKING_LOIHI).cost(trace)
    assert cost.call == (0, 1)
    assert cost.terms["acs"].operations.tolist() == [20, 20]
    assert cost.total().energy_j == pytest.approx(40 * 27.1e-12)


def test_an_image_is_not_read_as_firing_rates(make_call, make_trace, graded):
    # Dense 784 -> 128 on a grey image of mean 0.497: ModelEnergy reads 0.497 Hz, so 49.9 synops of 100,352.
    wide = Dense(inputs=784, units=128)
    trace = make_trace(make_call("dense", (wide, graded(784 * 128))))
    cost = device("loihi-constant").cost(trace)
    assert np.isnan(cost.energy_j).all()
    assert cost.reasons == ("dense reads graded values; Intel Loihi (constant energy) takes spikes",)
    assert device("45nm-fp32").cost(trace).total().energy_j == pytest.approx(100352 * 4.6e-12)
