"""The options of a scenario, on a command that does nothing but take them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import typer

import energyprobe as ep
from energyprobe.cli.scenario import FIELDS, with_scenario
from energyprobe.errors import OptionError

pytestmark = pytest.mark.oldest


def fields_of(*arguments: object) -> dict[str, Any]:
    """What reaches a command from its options."""
    reached: dict[str, Any] = {}

    @with_scenario
    def command(own: int = 3, **scenario: Any) -> None:
        reached.update(scenario, own=own)

    app = typer.Typer()
    app.command()(command)
    app([str(each) for each in arguments], standalone_mode=False)
    return reached


GIVEN: list[tuple[list[object], dict[str, object]]] = [
    (["--dtype", "int8"], {"dtype": "int8"}),
    (["--timesteps", 7], {"timesteps": 7}),
    (["--timestep-s", 0.25], {"timestep_s": 0.25}),
    (["--inferences-per-second", 2.5], {"inferences_per_second": 2.5}),
    (["--new-samples-per-inference", 5], {"new_samples_per_inference": 5}),
    (["--streaming"], {"streaming": True}),
    (["--execution", "folded"], {"execution": "folded"}),
    (["--launch", "graph"], {"launch": "graph"}),
    (
        ["--converted-timesteps", 8, "--first-layer", "off chip"]
        + ["--max-activations", "conv1=2.5", "--max-activations", "a=b=4"],
        {"converted_timesteps": 8, "first_layer": "off chip", "max_activations": {"conv1": 2.5, "a=b": 4.0}},
    ),
    (["--boundary", "chip"], {"boundary": "chip"}),
]


@pytest.mark.parametrize(("arguments", "fields"), GIVEN)
def test_every_option_is_the_field_of_a_scenario(arguments, fields) -> None:
    assert fields_of(*arguments, "--own", 11) == {**fields, "own": 11}
    assert ep.Scenario(**fields)


def test_what_is_not_given_stays_out() -> None:
    assert fields_of() == {"own": 3}


def test_every_field_of_a_scenario_has_an_option() -> None:
    # The batch size is an option of each command: some take several.
    assert {*FIELDS, "batch_size"} == {each.name for each in dataclasses.fields(ep.Scenario)}
    assert {name for _, fields in GIVEN for name in fields} == set(FIELDS)


@pytest.mark.parametrize("given", ["2.5", "conv1", "conv1=much", "=2.5"])
def test_a_value_for_no_layer_is_told(given: str) -> None:
    with pytest.raises(
        OptionError, match=f"^--max-activations {given}: it is LAYER=VALUE, such as conv1=2.5$"
    ):
        fields_of("--max-activations", given)
