"""The rooms of the package import each other one way only, and what is heavy is imported where it is used."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "energyprobe"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
FILES = {
    ".".join(("energyprobe", *Path(module).with_suffix("").parts)).removesuffix(".__init__"): module
    for module in MODULES
}
"""Modules by the names that they are imported by."""

FRAMEWORKS = {"jax", "keras", "keras_spiking", "nengo", "nengo_dl", "tensorflow", "tf_keras", "torch"}
LIGHT = {"msgspec", "numpy", "tomli"}
"""What a module outside the frontends may import before it is used."""

COMMANDS = {"typer"}
"""What ``cli`` imports before it is used, too: commands are functions that it reads when they are defined."""

ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "trace": {"errors"},
    "frontends": {"errors", "trace"},
    "counting": {"errors", "trace"},
    "costing": {"errors", "trace", "counting"},
    "reporting": {"errors", "trace", "counting", "costing"},
}
"""Rooms of energyprobe that each room imports, apart from its own files."""

OUTSIDE: dict[str, set[str]] = {
    "errors": set(),
    "trace": {"msgspec", "numpy"},
    "frontends": {"msgspec", "numpy", "scipy"} | FRAMEWORKS,
    "counting": {"msgspec", "numpy", "pandas"},
    "costing": {"msgspec", "numpy", "pandas", "scipy", "tomli", "tomli_w"},
    "reporting": {"jinja2", "matplotlib", "msgspec", "numpy", "pandas", "rich", "scipy"},
}
"""Packages other than the standard library that each room imports."""

ROOF = {
    "__init__",
    "__main__",
    "calibrate",
    "cli",
    "keras_probe",
    "tensorboard",
    "verification",
}
"""Files on top of all rooms: they import any of them."""


class Import(NamedTuple):
    module: str
    line: int
    on_loading: bool


def imports(node: ast.AST, on_loading: bool = True) -> Iterator[Import]:
    """Every import below a node; one in a function or for type checkers does not happen on loading."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        on_loading = False
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, node.lineno, on_loading) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = "." * node.level + (node.module or "")
        for alias in node.names:
            # "from energyprobe import trace" names a room as much as "import energyprobe.trace" does.
            name = f"{package}.{alias.name}"
            found = name if package == "energyprobe" or name in FILES else package
            yield Import(found, node.lineno, on_loading)
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        for child in node.body:
            yield from imports(child, on_loading=False)
        for child in node.orelse:
            yield from imports(child, on_loading)
    else:
        for child in ast.iter_child_nodes(node):
            yield from imports(child, on_loading)


def room_of(module: str) -> str:
    """First part of a path below the package: ``trace`` of ``trace/storage.py``, ``cli`` of ``cli.py``."""
    return module.split("/")[0].removesuffix(".py")


def violations(module: str, source: str) -> list[str]:
    room = room_of(module)
    if room not in ROOMS and room not in ROOF:
        return [f"{module}: the room {room!r} is in no table of this test"]
    found = []
    for module_name, line, on_loading in imports(ast.parse(source)):
        top, _, rest = module_name.partition(".")
        where = f"{module}:{line}: {module_name}"
        if top == "":
            found.append(f"{where} is imported relatively")
        elif top == "energyprobe":
            other = rest.split(".")[0]
            if room in ROOMS and other not in ROOMS[room] | {room, "__version__"}:
                found.append(f"{where} is not below {room}")
        elif top in sys.stdlib_module_names:
            continue
        elif room in ROOMS and top not in OUTSIDE[room]:
            found.append(f"{where} is foreign to {room}")
        elif room != "frontends" and on_loading and top not in (LIGHT | COMMANDS if room == "cli" else LIGHT):
            found.append(f"{where} is imported before it is used")
    return found


def test_the_tables_name_the_rooms_that_there_are() -> None:
    assert {*ROOMS, *ROOF} == {room_of(module) for module in MODULES}
    assert set(OUTSIDE) == set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    assert violations(module, (PACKAGE / module).read_text(encoding="utf-8")) == []


def loaded_before(name: str) -> set[str]:
    """Modules of energyprobe that one imports when it is loaded."""
    source = (PACKAGE / FILES[name]).read_text(encoding="utf-8")
    return {each.module for each in imports(ast.parse(source)) if each.on_loading} & FILES.keys()


def test_nothing_is_loaded_in_a_circle() -> None:
    # Raises a CycleError, which shows the circle.
    graphlib.TopologicalSorter({name: loaded_before(name) for name in FILES}).prepare()


@pytest.mark.parametrize("module", MODULES)
def test_every_file_states_its_purpose(module: str) -> None:
    purpose = ast.get_docstring(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))) or ""
    assert purpose.split("\n")[0].endswith((".", ":"))


def test_every_folder_is_a_package() -> None:
    # Otherwise a wheel would leave it out.
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("trace/a.py", "from energyprobe.counting import counts", "energyprobe.counting.counts is not below"),
        ("trace/a.py", "from energyprobe import counting", "energyprobe.counting is not below trace"),
        ("trace/a.py", "import energyprobe", "energyprobe is not below trace"),
        ("trace/a.py", "import pandas", "pandas is foreign to trace"),
        ("errors.py", "import numpy", "numpy is foreign to errors"),
        ("counting/a.py", "from energyprobe.costing.device import Device", "is not below counting"),
        ("costing/a.py", "def f():\n    import energyprobe.reporting", "is not below costing"),
        ("costing/a.py", "if TYPE_CHECKING:\n    import tensorflow", "tensorflow is foreign to costing"),
        ("costing/a.py", "import pandas", "pandas is imported before it is used"),
        ("costing/a.py", "class A:\n    import scipy.sparse", "scipy.sparse is imported before it is used"),
        ("costing/a.py", "from . import b", ". is imported relatively"),
        ("reporting/a.py", "from ..trace import b", "..trace is imported relatively"),
        ("frontends/keras/a.py", "from energyprobe.counting import b", "is not below frontends"),
        ("counting/a.py", "from energyprobe.frontends import b", "is not below counting"),
        ("verification/a.py", "import tensorflow", "tensorflow is imported before it is used"),
        ("verification/a.py", "import typer", "typer is imported before it is used"),
        ("cli/a.py", "import rich", "rich is imported before it is used"),
        ("kitchen/a.py", "x = 1", "the room 'kitchen' is in no table of this test"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, expected: str) -> None:
    (violation,) = violations(module, source)
    assert expected in violation


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("trace/a.py", "import json\nfrom energyprobe.errors import TraceError\nimport numpy as np"),
        ("reporting/a.py", "from energyprobe.trace.records import Trace\ndef f():\n    import rich.table"),
        ("reporting/a.py", "if TYPE_CHECKING:\n    import pandas"),
        ("frontends/nengo/a.py", "import nengo\nfrom energyprobe.frontends.nengo import shim"),
        ("frontends/keras/a.py", "from energyprobe import __version__"),
        ("cli/a.py", "import typer\nfrom energyprobe.reporting.pricing import report"),
        ("verification/a.py", "import energyprobe.reporting\ndef f():\n    import tensorflow"),
    ],
)
def test_a_right_import_is_let_through(module: str, source: str) -> None:
    assert violations(module, source) == []
