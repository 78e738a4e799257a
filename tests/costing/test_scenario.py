"""Scenarios: what they hold, and what they refuse."""

import copy
import dataclasses
import pickle
import re

import numpy as np
import pytest

from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import ScenarioError
from energyprobe.trace.operations import Dense, NeuronUpdate


def test_one_sample_at_a_time_by_default():
    assert Scenario().batch_size == 1


@pytest.mark.parametrize("batch_size", [1, 64, np.int64(7)])
def test_batch_size(batch_size):
    assert Scenario(batch_size=batch_size).batch_size == batch_size


@pytest.mark.parametrize("batch_size", [0, -1, 1.0, "8", True, None])
def test_impossible_batch_size(batch_size):
    with pytest.raises(
        ScenarioError, match=f"batch_size must be a whole number of at least 1, got {batch_size!r}"
    ):
        Scenario(batch_size=batch_size)


def test_unknown_field_names_the_nearest():
    with pytest.raises(
        ScenarioError, match="a scenario has no field 'batchsize', did you mean 'batch_size'?"
    ):
        Scenario(batchsize=3)


def test_unknown_field_with_nothing_near():
    with pytest.raises(
        ScenarioError,
        match="a scenario has no field 'xyz', known are batch_size, boundary, converted_timesteps, dtype",
    ):
        Scenario(batch_size=3, xyz=1)


def test_a_scenario_stays_as_it_is():
    scenario = Scenario(batch_size=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.batch_size = 4
    assert scenario == Scenario(batch_size=3) != Scenario()
    assert hash(scenario) == hash(Scenario(batch_size=3))
    assert pickle.loads(pickle.dumps(scenario)) == scenario == copy.deepcopy(scenario)
    assert dataclasses.replace(scenario, batch_size=5).batch_size == 5


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("timesteps", 0, "timesteps must be a whole number of at least 1, got 0"),
        ("new_samples_per_inference", 1.5, "new_samples_per_inference must be a whole number"),
        ("inferences_per_second", 0, "inferences_per_second must be a finite number above 0, got 0"),
        (
            "inferences_per_second",
            float("inf"),
            "inferences_per_second must be a finite number above 0, got inf",
        ),
        ("timestep_s", -1e-3, "timestep_s must be a finite number above 0, got -0.001"),
        ("timestep_s", True, "timestep_s must be a finite number above 0, got True"),
        ("converted_timesteps", 0, "converted_timesteps must be a whole number of at least 1, got 0"),
        ("execution", "folding", "no execution 'folding': did you mean 'folded'?"),
        ("dtype", "int9", "no dtype 'int9': did you mean 'int8'?"),
        ("boundary", "wall", "no boundary 'wall': known are board, chip, core, system"),
    ],
)
def test_impossible_fields(field, value, message):
    with pytest.raises(ScenarioError, match=re.escape(message)):
        Scenario(**{field: value})


def test_timesteps_in_two_ways():
    with pytest.raises(ScenarioError, match="give timesteps or new_samples_per_inference, not both"):
        Scenario(timesteps=3, new_samples_per_inference=1)


def test_timesteps_of_a_conversion_and_others():
    for field in ("timesteps", "new_samples_per_inference"):
        with pytest.raises(ScenarioError, match="converted_timesteps are the timesteps: give no others"):
            Scenario(converted_timesteps=8, **{field: 3})


def test_a_boundary_covers_what_lies_within():
    board = Scenario(boundary="board")
    covered = {
        each: board.covers(each) for each in ("operation", "core", "chip", "board", "system", "unknown")
    }
    assert [each for each, within in covered.items() if not within] == ["system"]
    assert all(Scenario().covers(each) for each in covered)


@pytest.fixture
def stateful(make_call, make_trace, spiking):
    """10 timesteps of 6 * 4 synops and 4 neurons; then a layer on their mean, without time: 4 * 3."""
    return make_trace(
        make_call("dense", (Dense(inputs=6, units=4), spiking(120)), timesteps=10),
        make_call(
            "neurons", (NeuronUpdate(neuron="lif", neurons=4), None), timesteps=10, foldable_over_time=False
        ),
        make_call("classes", (Dense(inputs=4, units=3), spiking(12))),
    )


def test_other_timesteps_scale_what_has_timesteps(stateful, make_device):
    chip = make_device(skips="nothing", macs=1, neuron_updates=100)
    assert chip.cost(stateful).energy_j == pytest.approx([240e-12, 4000e-12, 12e-12])
    assert chip.cost(stateful, Scenario(timesteps=25)).energy_j == pytest.approx(
        [600e-12, 10_000e-12, 12e-12]
    )


def test_a_network_with_state_pays_for_new_samples_only(
    stateful, make_device, make_call, make_trace, spiking
):
    chip = make_device(skips="nothing", macs=1, neuron_updates=100)
    scenario = Scenario(new_samples_per_inference=2)
    assert chip.cost(stateful, scenario).energy_j == pytest.approx([48e-12, 800e-12, 12e-12])
    window = make_trace(make_call("conv", (Dense(inputs=6, units=4), spiking(120)), timesteps=10))
    assert chip.cost(window, scenario).energy_j == pytest.approx([240e-12])
    assert any("keeps no state" in note for note in device("loihi").cost(window, scenario).notes)


def test_timesteps_of_a_network_without_any(make_device, make_call, make_trace, spiking):
    trace = make_trace(make_call("dense", (Dense(inputs=6, units=4), spiking(12))))
    for field in ("timesteps", "new_samples_per_inference"):
        with pytest.raises(ScenarioError, match=f"{field}: the trace of 'net' has no timesteps"):
            make_device(macs=1).cost(trace, Scenario(**{field: 3}))


def test_more_new_samples_than_there_are(stateful, make_device):
    with pytest.raises(
        ScenarioError, match="new_samples_per_inference: 11 are more than the 10 timesteps of 'net'"
    ):
        make_device(macs=1).cost(stateful, Scenario(new_samples_per_inference=11))


def test_a_data_type_that_a_device_lacks(stateful):
    with pytest.raises(ScenarioError, match=r"\(45nm-fp32\) has no figures for int8, only for float32"):
        device("45nm-fp32").cost(stateful, Scenario(dtype="int8"))
    assert device("45nm-fp32").cost(stateful, Scenario(dtype="float32"))


def test_what_a_device_of_constant_energies_cannot_heed_is_said(stateful, make_device):
    scenario = Scenario(dtype="int8", timestep_s=1e-3, boundary="board")
    notes = make_device(macs=1).cost(stateful, scenario).notes
    assert "no times are known: neither the pace nor the length of a timestep changes anything" in notes
    assert "its figures are for no stated data type: int8 changes nothing" in notes
    assert "no figure covers the whole board, only: core" in notes
