"""``breakeven`` says what the library does, tells costs over density, and draws them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import energyprobe as ep
from energyprobe.trace.records import Trace

PRODUCT = {"m": 4096, "k": 4096, "n": 64}
ARGUMENTS = ("breakeven", "-d", "a100", "--m", 4096, "--k", 4096, "--n", 64, "--operand", "weights")


def test_one_product(call) -> None:
    ran = call(*ARGUMENTS)
    lines = ran.out.splitlines()
    found = {
        each: ep.breakeven("a100", **PRODUCT, operand="weights", quantity=each) for each in ("time", "energy")
    }
    assert (ran.code, ran.err, lines[:2]) == (0, "", [str(found["time"]), str(found["energy"])])
    # A line of the table at the break-even: there the kernel takes as much as the dense one.
    # Further kernels follow in a table of their own.
    row = next(line for line in lines if f"{100 * float(found['time'].density):.1f} % break-even" in line)
    header = next(line for line in lines if line.startswith("density"))
    values = row.split("break-even")[1].replace(" µs", "µs").replace(" ms", "ms").split()
    names = header.split()[1:]
    assert values[names.index("dense")] == values[names.index(str(found["time"].kernel))]


def test_costs_of_the_table_are_those_of_the_kernels(call) -> None:
    lines = call(*ARGUMENTS, "--quantity", "time").out.splitlines()
    row = next(line for line in lines if line.startswith("3.0 %"))
    for kernel in ("dense", "csr"):
        cost = ep.kernel_cost("a100", kernel, **PRODUCT, operand="weights", density=0.03)
        assert f"{float(cost.time_s) * 1e6:.0f} µs" in row


def test_json_and_options(call) -> None:
    (data,) = json.loads(
        call(*ARGUMENTS, "--quantity", "energy", "--batch-size", 8, "--dtype", "float16", "--json").out
    )
    found = ep.breakeven("a100", **PRODUCT, operand="weights", quantity="energy", batch=8, dtype="fp16")
    assert (data["device"], data["dtype"], data["batch"]) == ("a100", "fp16", 8)
    assert data["density"] == float(found.density)
    assert data["kernel"] == (str(found.kernel) or None) and data["reason"] == (str(found.reason) or None)


@pytest.mark.parametrize(("name", "magic"), [("c.png", b"\x89PNG"), ("c.svg", b"<?xml"), ("c.pdf", b"%PDF")])
def test_curves_are_drawn(name: str, magic: bytes, tmp_path: Path, call) -> None:
    path = tmp_path / name
    assert call(*ARGUMENTS, "-o", path) == (0, "", f"wrote {path}\n")
    assert path.read_bytes().startswith(magic)


def test_a_cpu_of_which_only_times_are_known(call, tmp_path: Path) -> None:
    arguments = ("breakeven", "-d", "amd-epyc-1-thread", "--m", 128, "--k", 512, "--n", 256)
    ran = call(*arguments)
    found = ep.breakeven("amd-epyc-1-thread", m=128, k=512, n=256, quantity="time")
    assert ran.code == 0 and ran.out.startswith(f"{found}\n") and "Energy by density" not in ran.out
    assert call(*arguments, "-o", tmp_path / "c.png").code == 0


def test_the_layers_of_a_recording(trace: Trace, trace_file: Path, call) -> None:
    ran = call("breakeven", trace_file, "-d", "a100", "--batch-size", 64)
    frame = ep.breakeven(trace, "a100", batch_size=64, quantity="time")
    (row,) = (line for line in ran.out.split("In energy")[0].splitlines() if line.startswith("hidden"))
    assert ran.code == 0 and frame["verdict"][0] in row and frame["kernel"][0] in row
    # 60 of 91 inputs are not zero.
    assert "65.9 %" in row
    data = json.loads(call("breakeven", trace_file, "-d", "a100", "--batch-size", 64, "--json").out)
    assert data["time"][0]["speedup"] == frame["speedup"][0]
    assert set(data) == {"time", "energy"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-d", "a100", "--m", 3], "give a TRACE, or the sizes of a product; missing: --k, --n"),
        (["{trace}", "-d", "a100", "--k", 3], "give a TRACE or the sizes of a product, not both"),
        (["-d", "a100", "--quantity", "power"], "--quantity power: it is time or energy"),
        (
            [*ARGUMENTS[1:], "-o", "c.png", "-o", "c.txt"],
            "cannot save as 'c.txt': the suffix says the format, one of .png, .svg, .pdf",
        ),
        (
            ["{trace}", "-d", "a100", "-o", "c.png"],
            "--output draws one product; for the layers of a recording, take --json",
        ),
    ],
)
def test_impossible_calls(arguments, message: str, trace_file: Path, call) -> None:
    given = [str(each).format(trace=trace_file) for each in arguments]
    assert call("breakeven", *given) == (1, "", f"energyprobe: {message}\n")


def test_a_device_without_kernels(call) -> None:
    ran = call("breakeven", "-d", "loihi", "--m", 3, "--k", 4, "--n", 5)
    assert ran.code == 1 and "loihi" in ran.err and ran.err.count("\n") == 1
