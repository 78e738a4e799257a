"""What ``import energyprobe`` offers, and what it does not load."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import energyprobe as ep

pytestmark = pytest.mark.oldest

PUBLIC = [
    "Comparison",
    "CountingError",
    "DataError",
    "Device",
    "DeviceError",
    "EnergyprobeError",
    "KerasProbe",
    "MissingDependencyError",
    "ModelError",
    "NengoProbe",
    "OptionError",
    "Placement",
    "Quality",
    "RecordingError",
    "Report",
    "ReportError",
    "Scenario",
    "ScenarioError",
    "Trace",
    "TraceError",
    "TraceFileError",
    "UnknownDeviceError",
    "VerificationError",
    "bitmatched",
    "breakeven",
    "compare",
    "counts",
    "device",
    "devices",
    "kernel_cost",
    "load_device",
    "load_report",
    "load_trace",
    "log_to_tensorboard",
    "plot",
    "report",
    "verify",
]
NAMESPACES = {"plot": "energyprobe.reporting.plot"}
"""Names that hold functions of their own."""

FRAMEWORKS = ("jax", "keras", "keras_spiking", "nengo", "nengo_dl", "tensorflow", "tf_keras", "torch")
HEAVY = ("jinja2", "matplotlib", "msgspec", "numpy", "pandas", "rich", "scipy", "typer")


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def import_every_module() -> None:
    for module in pkgutil.walk_packages(ep.__path__, "energyprobe."):
        importlib.import_module(module.name)


def test_the_public_surface_is_this_list() -> None:
    assert ep.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(ep))


def test_names_are_not_shadowed_by_modules_and_say_what_they_are() -> None:
    import_every_module()
    for name in PUBLIC:
        value = getattr(ep, name)
        assert inspect.ismodule(value) == (name in NAMESPACES), name
        assert value.__name__ == NAMESPACES.get(name, name)
        assert inspect.getdoc(value), name


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_comes_from_where_it_is_defined(name: str) -> None:
    value = getattr(ep, name)
    home = ep.reporting.__name__ if name in NAMESPACES else value.__module__
    assert home == ep._HOMES[name]


def test_names_for_type_checkers_are_those_at_run_time() -> None:
    tree = ast.parse(inspect.getsource(ep))
    named = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.col_offset == 4]
    assert {alias.name: node.module for node in named for alias in node.names} == ep._HOMES


def test_an_unknown_name_names_the_nearest() -> None:
    wrong = "load_traces"
    with pytest.raises(AttributeError) as caught:
        getattr(ep, wrong)
    nearest = "did you mean 'load_trace' or 'load_report' or 'load_device'?"
    assert str(caught.value) == f"energyprobe has no 'load_traces': {nearest}"


def test_importing_energyprobe_loads_nothing_heavy() -> None:
    assert loaded_by("import energyprobe").isdisjoint(FRAMEWORKS + HEAVY)
    # The check itself sees what is loaded.
    assert "msgspec" in loaded_by("import energyprobe; energyprobe.Trace")


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_name_loads_a_framework(name: str) -> None:
    assert loaded_by(f"import energyprobe; energyprobe.{name}").isdisjoint(
        (*FRAMEWORKS, "pandas", "matplotlib")
    )
