"""Data from files, in the shape that a model reads: .npz, .npy, .csv and folders of images."""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from energyprobe.errors import DataError, nearest

Shape = tuple[int | None, ...]

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
SUFFIXES = (".npz", ".npy", ".csv")


@dataclass(frozen=True)
class Wanted:
    """What a model reads.

    Attributes
    ----------
    shapes : dict of str to tuple
        Name of each input to its shape without the batch; None is any size.
    limit : int or None
        Use no more samples than so many.
    arrays : sequence of str
        Names of the arrays in an ``.npz`` file, one for each input; empty to find them.
    scale : float
        What pixels of images are multiplied by.
    """

    shapes: Mapping[str, Shape]
    limit: int | None = None
    arrays: Sequence[str] = ()
    scale: float = 1.0


def load_data(path: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    """Read data for a model.

    Parameters
    ----------
    path : Path
        A ``.npz``, ``.npy`` or ``.csv`` file, or a folder of images.
    wanted : Wanted
        What the model reads.

    Returns
    -------
    dict of str to ndarray
        Name of each input to an array ``(samples, …)``.

    Raises
    ------
    DataError
        If there is no such file, nothing reads its suffix, an array is missing, or shapes do not fit.
    """
    if path.is_dir():
        return _images(path, wanted)
    if not path.is_file():
        raise DataError(f"cannot read the data {path}: there is no such file or folder")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"cannot read the data {path}: its suffix is none of {', '.join(SUFFIXES)}; give images as the "
            "folder that they are in"
        )
    arrays = _csv(path, wanted) if suffix == ".csv" else _numpy(path, wanted)
    _check(path, arrays, wanted.shapes)
    return {name: array[: wanted.limit] for name, array in arrays.items()}


def _numpy(path: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    try:
        saved = _saved(path)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"cannot read the data {path}: it is cut, or no arrays of numbers that NumPy saved"
        ) from error
    return _choose(path, saved, wanted) if isinstance(saved, dict) else {_only_input(path, wanted): saved}


def _saved(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """What NumPy saved, told by content: one array, or several by name."""
    # Of a file that is no ZIP archive, numpy.load may raise an error and leave the file open.
    if not zipfile.is_zipfile(path):
        return np.lib.format.open_memmap(path, mode="r")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _choose(path: Path, arrays: dict[str, np.ndarray], wanted: Wanted) -> dict[str, np.ndarray]:
    """Find the array of each input: those named, those of the inputs' names, or the only one that fits."""
    inputs = list(wanted.shapes)
    if wanted.arrays:
        if len(wanted.arrays) != len(inputs):
            raise DataError(
                f"the model's inputs are {len(inputs)} ({', '.join(inputs)}), and --array names "
                f"{len(wanted.arrays)}"
            )
        for name in wanted.arrays:
            if name not in arrays:
                raise DataError(f"{path} has no array {name!r}: {nearest(name, arrays)}")
        return {each: arrays[name] for each, name in zip(inputs, wanted.arrays, strict=True)}
    if set(inputs) <= set(arrays):
        return {name: arrays[name] for name in inputs}
    if len(inputs) > 1:
        missing = ", ".join(name for name in inputs if name not in arrays)
        raise DataError(
            f"{path} lacks arrays for the model's inputs {missing}; it has {', '.join(arrays)}; name one for "
            "each input with --array"
        )
    (name,) = inputs
    fitting = [each for each, array in arrays.items() if _fits(array.shape[1:], wanted.shapes[name])]
    if len(arrays) == 1 or len(fitting) == 1:
        return {name: arrays[(fitting or list(arrays))[0]]}
    found = ", ".join(f"{each} {array.shape}" for each, array in arrays.items())
    which = "several arrays fit" if fitting else "no array fits"
    raise DataError(
        f"{which} the model's input {name} {_batched(wanted.shapes[name])} in {path}: {found}; name one with "
        "--array"
    )


def _csv(path: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    """Rows of numbers, a sample each; a first row of words is a header."""
    name = _only_input(path, wanted)
    most = None if wanted.limit is None else wanted.limit + 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(islice(filter(None, csv.reader(file)), most))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the data {path}: it is no text in UTF-8 ({error})") from error
    if rows and not _numeric(rows[0]):
        rows = rows[1:]
    rows = rows[: wanted.limit]
    if not rows:
        raise DataError(f"cannot read the data {path}: it holds no row of numbers")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]) or not _numeric(row):
            raise DataError(
                f"cannot read the data {path}: sample {number} is no row of {len(rows[0])} numbers: "
                f"{','.join(row)[:60]!r}"
            )
    table = np.array(rows, dtype=np.float32)
    sizes = [size for size in wanted.shapes[name] if size is not None]
    # A table is flat: an input of several axes takes its numbers in order, the last axis fastest.
    if len(sizes) == len(wanted.shapes[name]) and math.prod(sizes) == table.shape[1]:
        table = table.reshape(len(table), *sizes)
    return {name: table}


def _numeric(row: Sequence[str]) -> bool:
    try:
        np.array(row, dtype=np.float32)
    except ValueError:
        return False
    return True


def _images(folder: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    """Images of a folder and its subfolders in the order of their names, resized to what the model reads."""
    name = _only_input(folder, wanted)
    shape = wanted.shapes[name]
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3):
        raise DataError(
            f"{folder} is a folder of images, and the model's input {name} {_batched(shape)} is no image "
            "(height, width, 1 or 3 channels) of a fixed size"
        )
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGES)[: wanted.limit]
    if not files:
        raise DataError(f"{folder} holds no image ({', '.join(IMAGES)})")
    return {name: np.stack([_image(path, shape) for path in files]) * np.float32(wanted.scale)}


def _image(path: Path, shape: Any) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(path) as image:
            resized = image.convert("L" if channels == 1 else "RGB").resize((width, height))
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"cannot read the image {path}: {error}") from error
    return np.asarray(resized, dtype=np.float32).reshape(shape)


def _only_input(path: Path, wanted: Wanted) -> str:
    if len(wanted.shapes) != 1:
        raise DataError(
            f"the model has {len(wanted.shapes)} inputs ({', '.join(wanted.shapes)}), and {path} feeds one; "
            "give an .npz file with an array of each name"
        )
    return next(iter(wanted.shapes))


def _check(path: Path, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, Shape]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise DataError(f"{path}: the array for input {name} holds {array.dtype}, not numbers")
        if array.ndim == 0 or not _fits(array.shape[1:], shapes[name]):
            raise DataError(
                f"{path}: the model's input {name} has shape {_batched(shapes[name])}, and the data have "
                f"{array.shape}; the first axis is the samples"
            )
        if not len(array):
            raise DataError(f"{path}: the array for input {name} holds no samples")
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) > 1:
        found = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise DataError(f"{path}: the arrays of the inputs have different numbers of samples: {found}")


def _fits(given: Shape, wanted: Shape) -> bool:
    return len(given) == len(wanted) and all(
        size in (None, own) for own, size in zip(given, wanted, strict=True)
    )


def _batched(shape: Shape) -> str:
    return f"({', '.join(('samples', *('any' if size is None else str(size) for size in shape)))})"
