"""Help, version, exit codes and errors: what every command has in common."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import energyprobe as ep
from energyprobe.cli.app import app

pytestmark = pytest.mark.oldest

COMMANDS = [command.callback.__name__.replace("_", "-") for command in app.registered_commands]


def test_the_version(call) -> None:
    assert call("--version") == (0, f"energyprobe {ep.__version__}\n", "")


def test_without_a_command_it_says_what_there_is(call) -> None:
    ran = call()
    assert ran.code == 0
    assert all(command in ran.out for command in COMMANDS)
    assert ran.out == call("--help").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_with_examples(command: str, call) -> None:
    ran = call(command, "--help")
    assert ran.code == 0
    _, found, examples = ran.out.partition("Examples")
    assert found and f"energyprobe {command}" in examples


@pytest.mark.parametrize(
    ("arguments", "command", "words"),
    [
        (["mrge"], "energyprobe", ["No such command 'mrge'"]),
        (["merge", "a.json", "--outptu", "b.json"], "energyprobe merge", ["--outptu", "--output"]),
        (["merge", "a.json"], "energyprobe merge", ["Missing option '--output' / '-o'"]),
        (["report", "-d", "loihi"], "energyprobe report", ["Missing argument 'TRACE'"]),
        (
            ["report", "a.json", "-d", "loihi", "--batch-size", "many"],
            "energyprobe report",
            ["'--batch-size'"],
        ),
    ],
)
def test_a_wrong_call_is_one_line_and_exits_with_2(arguments, command, words, call) -> None:
    ran = call(*arguments)
    assert (ran.code, ran.out) == (2, "")
    # Typer chooses the words, which differ between its versions.
    assert ran.err.startswith("energyprobe: ") and all(word in ran.err for word in words)
    assert ran.err.endswith(f" (see '{command} --help')\n") and ran.err.count("\n") == 1


def test_an_error_is_one_line_with_a_hint_and_exits_with_1(call, tmp_path: Path) -> None:
    missing = tmp_path / "run.json"
    message = f"energyprobe: cannot load {missing}: there is no such file\n"
    assert call("report", missing, "-d", "loihi") == (1, "", message)


@pytest.mark.parametrize("command", [["report", "-d", "45nm-fp32"], ["compare", "-d", "45nm-fp32"], ["demo"]])
def test_a_file_that_cannot_be_written_is_told_before_the_work(command, call, tmp_path: Path) -> None:
    # What it would read is not even looked for.
    files = {"report": ["no.json"], "compare": ["no.json", "none.json"]}.get(command[0], [])
    written, nowhere = tmp_path / "report.md", tmp_path / "nowhere" / "report.csv"
    message = f"cannot save as '{nowhere}': there is no folder '{nowhere.parent}'; make it first"
    ran = call(*command, *files, "-o", written, "-o", nowhere)
    assert ran == (1, "", f"energyprobe: {message}\n")
    assert not written.exists()


@pytest.mark.parametrize("command", [["record", "no.keras", "no.npz"], ["merge", "no.json"]])
def test_a_recording_that_cannot_be_kept_is_not_begun(command, call, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "run.json"
    message = f"cannot save {nowhere}: there is no folder {nowhere.parent}; make it first"
    assert call(*command, "-o", nowhere) == (1, "", f"energyprobe: {message}\n")


def run_module(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "energyprobe", *arguments], capture_output=True, text=True, **options
    )


def test_python_m_energyprobe_is_the_same_program() -> None:
    ran = run_module("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"energyprobe {ep.__version__}\n", "")


def test_a_reader_who_leaves_early_sees_no_traceback(trace_file: Path) -> None:
    command = f"'{sys.executable}' -m energyprobe report '{trace_file}' -d 45nm-fp32 | head -n 1"
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("Energy of small") and ran.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_can_be_installed(shell: str) -> None:
    script = "import sys; sys.argv[0] = 'energyprobe'; from energyprobe.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"_ENERGYPROBE_COMPLETE": f"source_{shell}"},
    )
    assert "energyprobe" in ran.stdout and ran.stderr == ""


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ("energyprobe rep", "report", "merge"),
        ("energyprobe report run.json -d loihi-c", "loihi-constant", "spinnaker"),
    ],
)
def test_bash_completes_commands_and_devices(typed: str, offered: str, not_offered: str) -> None:
    settings = {"_ENERGYPROBE_COMPLETE": "complete_bash", "COMP_WORDS": typed}
    settings["COMP_CWORD"] = str(len(typed.split()) - 1)
    script = "from energyprobe.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | settings
    )
    assert offered in ran.stdout and not_offered not in ran.stdout
