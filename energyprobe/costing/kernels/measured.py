"""Files of measured kernels: rows of times, and lines of TOML behind ``#`` on where they were measured."""

from __future__ import annotations

import datetime
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energyprobe.errors import DeviceError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("gpu", "kernel", "dtype", "m", "k", "n", "batch", "sparsity", "structure")
MEASURED = ("time_us", "energy_uj", "power_w", "nnz", "pattern", "source")


def check_positive(rows: pd.DataFrame, names: tuple[str, ...]) -> None:
    """Refuse rows whose sizes or times are impossible.

    Raises
    ------
    DeviceError
        If a number of one of the columns is 0, negative or missing.
    """
    for name in names:
        column = rows[name].to_numpy(float)
        if not (column > 0).all():
            raise DeviceError(f"{name}: expected numbers above 0, got {column[~(column > 0)][0]:g}")


def year_of(facts: Mapping[str, Any]) -> int:
    """The year in which a file was measured: that of its ``date``; this year where it has none.

    Raises
    ------
    DeviceError
        If its date is none.
    """
    date = str(facts.get("date", datetime.date.today()))
    if not re.match(r"\d{4}-", date):
        raise DeviceError(f"date: expected a date such as 2026-01-31, got {date!r}")
    return int(date[:4])


def read_kernels(path: str | os.PathLike[str]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read a file of measured kernels.

    Parameters
    ----------
    path : str or os.PathLike
        CSV with the columns `COLUMNS` and `MEASURED`.

    Returns
    -------
    dict
        What its head says; empty where it says nothing.
    pandas.DataFrame
        Its rows.

    Raises
    ------
    DeviceError
        If it cannot be read, its head is no TOML, or a column is missing.
    """
    import pandas as pd

    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        head = "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
        facts = tomllib.loads(head)
        frame = pd.read_csv(path, comment="#", low_memory=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DeviceError(f"{path}: cannot be read as a file of measured kernels: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise DeviceError(f"{path}: the lines behind # are not valid TOML: {error}") from error
    needed = (*COLUMNS, *MEASURED)
    if missing := [name for name in needed if name not in frame]:
        raise DeviceError(f"{path}: no column {', '.join(missing)}; needed are {', '.join(needed)}")
    return facts, frame
