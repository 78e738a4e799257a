"""The demonstration runs to its end, says each thing once, and names what it lacks."""

from __future__ import annotations

import pytest

from energyprobe.cli import digits

pytest.importorskip("keras_spiking")
pytest.importorskip("sklearn")


def test_it_trains_records_and_compares(capfd: pytest.CaptureFixture[str]) -> None:
    comparison = digits.main(epochs=(1, 1))
    written = capfd.readouterr()
    assert written.err == ""
    assert written.out.endswith(f"{comparison}\n")
    assert comparison.models == ("cnn", "snn") and comparison.devices == digits.DEVICES
    lines = written.out.splitlines()
    for heading in (
        "Energy of cnn",
        "Energy of snn",
        "snn compared with cnn",
        "Assumptions",
        "Devices",
        "Sources",
    ):
        assert lines.count(heading) == 1, heading
    for name in ("cnn", "snn"):
        (accuracy,) = (line for line in lines if line.startswith(f"{name}: "))
        assert accuracy.endswith(" of 450 test digits right")
    assert max(map(len, lines)) <= 80


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, call) -> None:
    monkeypatch.setitem(digits.NEEDS, "no_such_package", "no-such-package")
    message = "the demonstration needs no-such-package, not installed here: pip install 'energyprobe[nengo]'"
    assert call("demo") == (1, "", f"energyprobe: {message} scikit-learn\n")
