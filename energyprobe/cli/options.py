"""Options that several commands share, and the text of their help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from energyprobe.errors import OptionError


def examples(*commands: str) -> str:
    """Text below the help of a command: commands as a person would type them."""
    # Typer makes one line of each paragraph.
    return "\n\n".join(("[bold]Examples[/bold]", *(f"  {command}" for command in commands)))


def paragraphs(command: Callable[..., object]) -> str:
    """Docstring of a command as the text of its help, each paragraph a line for Typer to break."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(command) or "").split("\n\n"))


def device_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Devices whose name begins so, each with its title, for the completion of a shell."""
    from energyprobe.costing.lookup import catalog

    return ((name, each.title) for name, each in catalog().items() if name.startswith(incomplete))


def numbers_by_name(option: str, given: Iterable[str], form: str) -> dict[str, float]:
    """Numbers of a repeatable option such as ``--accuracy snn=0.97``.

    Parameters
    ----------
    option : str
        The option.
    given : iterable of str
        What was given for it.
    form : str
        What it has to look like.

    Raises
    ------
    OptionError
        If one has no name or no number.
    """
    numbers = {}
    for each in given:
        name, _, number = each.rpartition("=")
        try:
            numbers[name] = float(number if name else "")
        except ValueError:
            raise OptionError(f"{option} {each}: it is {form}") from None
    return numbers


Devices = Annotated[
    list[str],
    typer.Option(
        "--device",
        "-d",
        metavar="NAME",
        help="A device by name, or a file of your own (.toml); repeatable.",
        autocompletion=device_names,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def _output(text: str, check: Callable[[Any], Any]) -> Any:
    """The option ``--output``, refused before the work begins where nothing can be written.

    What the check hands on is a list: typer 0.12 takes the length of it.
    """
    return typer.Option("--output", "-o", metavar="FILE", help=text, callback=check)


def _check_documents(paths: list[Path] | None) -> list[Path]:
    from energyprobe.reporting.saving import WRITERS, check_path

    for path in paths or ():
        check_path(path, WRITERS)
    return paths or []


def _check_drawings(paths: list[Path] | None) -> list[Path]:
    from energyprobe.reporting.saving import check_path

    for path in paths or ():
        check_path(path, (".png", ".svg", ".pdf"))
    return paths or []


def _check_recording(path: Path) -> Path:
    from energyprobe.trace.storage import check_path

    check_path(path)
    return path


Outputs = Annotated[list[Path] | None, _output("Write a file; the suffix says the format.", _check_documents)]
Drawings = Annotated[list[Path] | None, _output("Draw the curves: .png, .svg or .pdf.", _check_drawings)]
Recording = Annotated[Path, _output("Where to; gzipped if it ends in .gz.", _check_recording)]
