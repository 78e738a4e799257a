"""The commands, their help, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from energyprobe import __version__
from energyprobe.cli.breakeven import breakeven
from energyprobe.cli.calibrate import calibrate_cpu, calibrate_gpu
from energyprobe.cli.compare import compare
from energyprobe.cli.demo import demo
from energyprobe.cli.devices import devices
from energyprobe.cli.merge import merge
from energyprobe.cli.options import examples, paragraphs
from energyprobe.cli.output import fail
from energyprobe.cli.record import record
from energyprobe.cli.report import report
from energyprobe.errors import EnergyprobeError

PROGRAM = "energyprobe"
FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""Exit codes; 130 is that of a process which Ctrl-C ended."""

# Typer brings its own copy of Click, of whose errors it exports only this one.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(name=PROGRAM, rich_markup_mode="rich", pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "energyprobe record model.keras data.npz -o run.json",
        "energyprobe report run.json --device loihi --device a100 -o report.html",
        "energyprobe COMMAND --help",
    ),
)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Energy of neural networks, from what really happened in every layer."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _command, _examples in (
    (
        record,
        (
            "energyprobe record model.keras data.npz -o run.json",
            "energyprobe record model.h5 photos --scale 0.00392 -o run.json.gz",
            "energyprobe record model.keras data.npz --detail values -o values.json",
        ),
    ),
    (
        report,
        (
            "energyprobe report run.json -d loihi -d a100",
            "energyprobe report run.json -d cortex-m4 --inferences-per-second 1 -o report.html -o report.csv",
            "energyprobe report run.json -d loihi --sort energy_j --top 5 --json > report.json",
            "energyprobe report values.json -d loihi --converted-timesteps 32",
        ),
    ),
    (
        compare,
        (
            "energyprobe compare cnn.json snn.json -d loihi -d a100 --batch-size 1 --batch-size 64",
            "energyprobe compare cnn=a.json snn=b.json -d loihi --accuracy cnn=0.98 --accuracy snn=0.97",
        ),
    ),
    (merge, ("energyprobe merge monday.json tuesday.json -o both.json",)),
    (
        devices,
        ("energyprobe devices", "energyprobe devices loihi", "energyprobe devices --json > devices.json"),
    ),
    (
        breakeven,
        (
            "energyprobe breakeven -d a100 --m 4096 --k 4096 --n 64 --operand weights",
            "energyprobe breakeven -d a100 --m 1 --k 4096 --n 4096 --dtype float16 -o curves.png",
            "energyprobe breakeven run.json -d a100 --batch-size 64",
        ),
    ),
    (calibrate_gpu, ("energyprobe calibrate-gpu gpu_kernels.csv --name my-gpu --like a100",)),
    (calibrate_cpu, ("energyprobe calibrate-cpu cpu_kernels.csv --name my-cpu",)),
    (demo, ("energyprobe demo", "energyprobe demo -o digits.html")),
):
    app.command(help=paragraphs(_command), epilog=examples(*_examples))(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``energyprobe``; that of this process by default.

    Returns
    -------
    int
        The exit code.
    """
    given = None if arguments is None else list(arguments)
    try:
        code = app(given, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except EnergyprobeError as error:
        return fail(str(error), FAILED)
    except _UsageError as error:
        return fail(_misuse(error), MISUSED)
    except BrokenPipeError:
        # Whoever read the output has left (``| head``); Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return fail(f"{error.strerror or error}: {error.filename}", FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _misuse(error: Exception) -> str:
    """Say what is wrong with a call, and where to read how it is done."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else PROGRAM
    message = getattr(error, "format_message", error.__str__)()
    return f"{message.removesuffix('.')} (see '{command} --help')"
