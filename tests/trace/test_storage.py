"""Traces come back from a file as they were, and a bad file says what is wrong with it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from energyprobe.errors import TraceError, TraceFileError
from energyprobe.trace.operations import AnyOperation
from energyprobe.trace.records import SCHEMA, Trace
from energyprobe.trace.storage import load_trace

pytestmark = pytest.mark.oldest


def test_every_kind_of_operation_is_in_the_trace_of_these_tests(trace: Trace) -> None:
    assert {type(step.operation) for call in trace.calls for step in call.steps} == set(
        get_args(AnyOperation)
    )


@pytest.mark.parametrize("name", ["run.json", "RUN.JSON", "run.json.gz", "run.gz", "a trace without suffix"])
def test_what_was_saved_is_loaded(trace: Trace, tmp_path: Path, name: str) -> None:
    trace.save(tmp_path / name)
    assert load_trace(tmp_path / name) == trace


def test_names_are_strings_or_paths(trace: Trace, tmp_path: Path) -> None:
    trace.save(str(tmp_path / "run.json"))
    assert load_trace(str(tmp_path / "run.json")) == trace


def test_only_the_suffix_gz_is_gzipped_and_content_decides_on_loading(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "run.json")
    trace.save(tmp_path / "run.json.gz")
    plain, zipped = (tmp_path / "run.json").read_bytes(), (tmp_path / "run.json.gz").read_bytes()
    assert gzip.decompress(zipped) == plain
    assert json.loads(plain)["model"] == "net"
    (tmp_path / "renamed.json").write_bytes(zipped)
    assert load_trace(tmp_path / "renamed.json") == trace


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_equal_traces_make_equal_files(trace: Trace, tmp_path: Path, suffix: str) -> None:
    trace.save(tmp_path / f"a{suffix}")
    load_trace(tmp_path / f"a{suffix}").save(tmp_path / f"b{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_counts_beyond_64_bits_stay_exact(trace: Trace, tmp_path: Path) -> None:
    huge = msgspec.structs.replace(trace, samples=2**70 + 1)
    huge.save(tmp_path / "run.json")
    assert load_trace(tmp_path / "run.json").samples == 1180591620717411303425


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), float("-inf")])
def test_nonfinite_figures_are_not_stored(trace: Trace, tmp_path: Path, figure: float) -> None:
    call = msgspec.structs.replace(trace.calls[3], dt=figure)
    bad = msgspec.structs.replace(trace, calls=(*trace.calls[:3], call))
    with pytest.raises(TraceError) as caught:
        bad.save(tmp_path / "run.json")
    assert str(caught.value) == (
        f"cannot save {tmp_path / 'run.json'}: trace.calls[3].dt is {figure}; what is unknown must be None"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def files_of_at_most_100_bytes() -> Iterator[None]:
    """A full disk, as far as this process can tell."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("files_of_at_most_100_bytes")
def test_a_failed_save_keeps_the_old_file_and_leaves_nothing(trace: Trace, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b"old")
    with pytest.raises(OSError, match="File too large"):
        trace.save(tmp_path / "run.json")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert (tmp_path / "run.json").read_bytes() == b"old"


def test_a_saved_trace_is_readable_by_whom_the_umask_says(trace: Trace, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    trace.save(tmp_path / "run.json")
    assert os.stat(tmp_path / "run.json").st_mode == os.stat(tmp_path / "plain").st_mode


def test_saving_into_no_folder(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "run.json"
    with pytest.raises(TraceFileError) as caught:
        trace.save(path)
    assert str(caught.value) == f"cannot save {path}: there is no folder {path.parent}; make it first"


def test_saving_onto_a_folder(trace: Trace, tmp_path: Path) -> None:
    with pytest.raises(TraceFileError) as caught:
        trace.save(tmp_path)
    assert str(caught.value) == f"cannot save {tmp_path}: it is a folder; give the name of a file"


@pytest.mark.parametrize("name", ["run.csv", "run.json.zip", "run.html", "run.v2"])
def test_saving_as_what_a_trace_is_not(trace: Trace, tmp_path: Path, name: str) -> None:
    with pytest.raises(TraceFileError) as caught:
        trace.save(tmp_path / name)
    assert str(caught.value) == (
        f"cannot save {tmp_path / name}: a trace is written as JSON, so give a name in .json or .json.gz "
        f"(ep.counts(trace) makes a table, ep.report(trace).save({name!r}) a report)"
    )
    assert list(tmp_path.iterdir()) == []


def message_of(path: Path) -> str:
    """What loading says after ``cannot load PATH: ``."""
    with pytest.raises(TraceFileError) as caught:
        load_trace(path)
    start = f"cannot load {path}: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_no_such_file(tmp_path: Path) -> None:
    assert message_of(tmp_path / "run.json") == "there is no such file"
    assert message_of(tmp_path) == "it is a folder; give the name of a file in it"


CUT = "the file is cut; record or copy it again"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty; record or copy it again"),
        (gzip.compress(b"", mtime=0), "the file is empty; record or copy it again"),
        (b"{", CUT),
        (b'{"schema": 1, "model": "ne', CUT),
        (
            b"layer,energy\nconv,3\n",
            "it is neither JSON nor gzipped JSON (JSON is malformed: invalid character (byte 0))",
        ),
        (b"[1, 2]", "it is JSON, but not a trace of energyprobe (Expected `object`, got `array`)"),
        (
            b'{"model": "net"}',
            "it is JSON, but not a trace of energyprobe (Object missing required field `schema`)",
        ),
        (
            b'{"schema": "one"}',
            "it is JSON, but not a trace of energyprobe (Expected `int`, got `str` - at `$.schema`)",
        ),
        (
            b'{"schema": 1}',
            "it is JSON, but not a trace of energyprobe (Object missing required field `model`)",
        ),
        (
            b'{"schema": 1, "model": "\xff"}',
            "it is not a trace of energyprobe ('utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte)",
        ),
    ],
    ids=["empty", "empty-gzip", "cut-brace", "cut-string", "csv", "array", "no-schema", "schema-text"]
    + ["no-model", "not-utf-8"],
)
def test_files_that_are_no_traces(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    assert message_of(path) == expected


def test_json_nested_too_deep(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b'{"a": ' + b"[" * 200_000)
    assert message_of(path).startswith("it is not a trace of energyprobe (maximum recursion depth exceeded")


@pytest.mark.parametrize("name", ["run.json", "run.json.gz"])
def test_a_file_cut_anywhere_says_so(trace: Trace, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    trace.save(path)
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, len(whole) // 10):
        path.write_bytes(whole[:size])
        assert message_of(path) == CUT


def test_damaged_gzip(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    trace.save(path)
    damaged = bytearray(path.read_bytes())
    damaged[-8] ^= 0xFF  # The last eight bytes are CRC-32 and length.
    path.write_bytes(damaged)
    assert message_of(path).startswith("its gzipped content is damaged (CRC check failed")
    path.write_bytes(damaged[:10] + b"\xff" * 50)
    assert message_of(path).startswith("its gzipped content is damaged (Error -3 while decompressing")


def test_a_newer_schema_is_told_apart_even_if_its_fields_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"schema": SCHEMA + 1, "something": "new"}))
    assert message_of(path) == (
        "it was written by a newer energyprobe (schema 2, this one reads 1); "
        "upgrade with 'pip install --upgrade energyprobe'"
    )


def test_a_report_is_told_apart_from_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"schema": SCHEMA + 1, "rows": [], "devices": {"loihi": {}}}))
    assert message_of(path) == "it is a report or a comparison, not a trace; ep.load_report reads it"


def test_a_wrong_or_unknown_field_is_named_with_its_place(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    stored = json.loads(msgspec.json.encode(trace))
    stored["calls"][2]["samples"] = 1.5
    path.write_text(json.dumps(stored))
    assert message_of(path) == (
        "it is JSON, but not a trace of energyprobe (Expected `int`, got `float` - at `$.calls[2].samples`)"
    )
    stored["calls"][2]["samples"] = 1
    stored["calls"][0]["steps"][0]["operation"]["kind"] = "densest"
    path.write_text(json.dumps(stored))
    assert "Invalid value 'densest' - at `$.calls[0].steps[0].operation.kind`" in message_of(path)
    stored["calls"][0]["steps"][0]["operation"]["kind"] = "dense"
    stored["colour"] = "red"
    path.write_text(json.dumps(stored))
    assert message_of(path) == (
        "it is JSON, but not a trace of energyprobe (Object contains unknown field `colour`)"
    )
