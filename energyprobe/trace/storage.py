"""Traces on disk: JSON, gzipped where the name ends in ``.gz``."""

from __future__ import annotations

import gzip
import math
import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from energyprobe.errors import TraceError, TraceFileError
from energyprobe.trace.records import SCHEMA, Trace

SUFFIXES = (".json", ".json.gz", ".gz")
"""What the name of a file may end in; one without a suffix is written as JSON, too."""

_T = TypeVar("_T")
_GZIP_MAGIC = b"\x1f\x8b"


class _Header(msgspec.Struct):
    """What is read first, so that a newer trace and a report are told from a broken one.

    Only a report has devices.
    """

    schema: int
    devices: Any = None


def save_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a trace as JSON: the whole file or, if that fails, none of it.

    Equal traces make equal bytes.

    Parameters
    ----------
    trace : Trace
        What to write.
    path : str or os.PathLike
        Where to: a name in ``.json``, in ``.json.gz`` or ``.gz`` (gzipped), or without a suffix.

    Raises
    ------
    TraceError
        If a figure of the trace is NaN or infinite.
    TraceFileError
        If the name ends otherwise, if `path` lies in no folder, or is a folder.
    """
    path = Path(path)
    check_path(path)
    for place, figure in _nonfinite(trace, "trace"):
        raise TraceError(f"cannot save {path}: {place} is {figure}; what is unknown must be None")
    data = msgspec.json.encode(trace)
    if path.suffix.lower() == ".gz":
        data = gzip.compress(data, mtime=0)
    _replace(path, data)


def check_path(path: Path) -> None:
    """Refuse a path that no trace is written to; asked before a long recording, too.

    Raises
    ------
    TraceFileError
        As `save_trace`.
    """
    if path.suffix and not path.name.lower().endswith(SUFFIXES):
        raise TraceFileError(
            f"cannot save {path}: a trace is written as JSON, so give a name in .json or .json.gz "
            f"(ep.counts(trace) makes a table, ep.report(trace).save({path.name!r}) a report)"
        )
    if not path.parent.is_dir():
        raise TraceFileError(f"cannot save {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise TraceFileError(f"cannot save {path}: it is a folder; give the name of a file")


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace that `Trace.save` wrote.

    Parameters
    ----------
    path : str or os.PathLike
        A file of JSON, gzipped or not.

    Returns
    -------
    Trace

    Raises
    ------
    TraceFileError
        If there is no such file, or if it is a folder, empty, cut, no trace, or of a newer version of
        energyprobe.
    """
    path = Path(path)
    if path.is_dir():
        raise TraceFileError(f"cannot load {path}: it is a folder; give the name of a file in it")
    if not path.is_file():
        raise TraceFileError(f"cannot load {path}: there is no such file")
    data = _unzipped(path, path.read_bytes())
    if not data:
        raise TraceFileError(f"cannot load {path}: the file is empty; record or copy it again")
    header = _decode(path, data, _Header)
    if header.devices is not None:
        raise TraceFileError(
            f"cannot load {path}: it is a report or a comparison, not a trace; ep.load_report reads it"
        )
    if header.schema > SCHEMA:
        raise TraceFileError(
            f"cannot load {path}: it was written by a newer energyprobe (schema {header.schema}, this one "
            f"reads {SCHEMA}); upgrade with 'pip install --upgrade energyprobe'"
        )
    return _decode(path, data, Trace)


def _decode(path: Path, data: bytes, record: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=record)
    except msgspec.ValidationError as error:
        raise TraceFileError(
            f"cannot load {path}: it is JSON, but not a trace of energyprobe ({error})"
        ) from error
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            raise TraceFileError(f"cannot load {path}: the file is cut; record or copy it again") from error
        raise TraceFileError(f"cannot load {path}: it is neither JSON nor gzipped JSON ({error})") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise TraceFileError(f"cannot load {path}: it is not a trace of energyprobe ({error})") from error


def _unzipped(path: Path, data: bytes) -> bytes:
    # Told by content, so that a renamed file still loads.
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise TraceFileError(f"cannot load {path}: the file is cut; record or copy it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TraceFileError(
            f"cannot load {path}: its gzipped content is damaged ({error}); record or copy it again"
        ) from error


def _replace(path: Path, data: bytes) -> None:
    # Beside the target, because a file is replaced in one step only within one file system.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _nonfinite(value: object, place: str) -> Iterator[tuple[str, float]]:
    """NaN and infinite figures in a record, each with its place (``trace.calls[3].dt``)."""
    match value:
        case float() if not math.isfinite(value):
            yield place, value
        case msgspec.Struct():
            for field in value.__struct_fields__:
                yield from _nonfinite(getattr(value, field), f"{place}.{field}")
        case tuple():
            for index, item in enumerate(value):
                yield from _nonfinite(item, f"{place}[{index}]")
