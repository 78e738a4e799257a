"""Scenarios: what they hold, and what they refuse."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from energyprobe.costing.scenario import Scenario
from energyprobe.errors import ScenarioError


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
    with pytest.raises(ScenarioError, match="a scenario has no field 'xyz', known are batch_size"):
        Scenario(batch_size=3, xyz=1)


def test_a_scenario_stays_as_it_is():
    scenario = Scenario(batch_size=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.batch_size = 4
    assert scenario == Scenario(batch_size=3) != Scenario()
    assert hash(scenario) == hash(Scenario(batch_size=3))
    assert pickle.loads(pickle.dumps(scenario)) == scenario == copy.deepcopy(scenario)
    assert dataclasses.replace(scenario, batch_size=5).batch_size == 5
