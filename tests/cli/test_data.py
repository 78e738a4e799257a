"""Data from files come out in the shape that a model reads, or an error says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from energyprobe.cli.data import Wanted, load_data
from energyprobe.errors import DataError

pytestmark = pytest.mark.oldest

IMAGE = {"image": (2, 3, 1)}
PAIR = {"left": (3,), "right": (4,)}
VALUES = np.arange(5 * 6, dtype=np.float32).reshape(5, 2, 3, 1)


@pytest.fixture
def saved(tmp_path: Path):
    def save(**arrays: np.ndarray) -> Path:
        np.savez(tmp_path / "data.npz", **arrays)
        return tmp_path / "data.npz"

    return save


def error(path: Path, wanted: Wanted) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path, wanted)
    return str(caught.value)


def no_arrays(path: Path) -> str:
    return f"cannot read the data {path}: it is cut, or no arrays of numbers that NumPy saved"


def test_the_only_array_is_taken(saved) -> None:
    np.testing.assert_equal(load_data(saved(anything=VALUES), Wanted(IMAGE)), {"image": VALUES})


def test_the_only_array_that_fits_is_taken(saved) -> None:
    path = saved(labels=np.arange(5), pictures=VALUES)
    np.testing.assert_equal(load_data(path, Wanted(IMAGE)), {"image": VALUES})


def test_an_array_of_the_name_of_the_input_comes_first(saved) -> None:
    path = saved(image=VALUES, other=VALUES + 1)
    np.testing.assert_equal(load_data(path, Wanted(IMAGE)), {"image": VALUES})


def test_an_array_is_named_where_several_fit(saved) -> None:
    path = saved(train=VALUES, test=VALUES + 1)
    message = "several arrays fit the model's input image (samples, 2, 3, 1) in "
    assert error(path, Wanted(IMAGE)).startswith(message)
    assert error(path, Wanted(IMAGE)).endswith("train (5, 2, 3, 1), test (5, 2, 3, 1); name one with --array")
    np.testing.assert_equal(load_data(path, Wanted(IMAGE, arrays=["test"])), {"image": VALUES + 1})
    assert (
        error(path, Wanted(IMAGE, arrays=["tests"])) == f"{path} has no array 'tests': did you mean 'test'?"
    )


def test_no_array_that_fits(saved) -> None:
    path = saved(a=np.zeros((5, 6)), b=np.zeros(5))
    assert error(path, Wanted(IMAGE)).startswith("no array fits the model's input image (samples, 2, 3, 1)")


def test_several_inputs_are_found_by_name_or_in_order(saved) -> None:
    left, right = np.ones((5, 3)), np.ones((5, 4))
    found = load_data(saved(right=right, left=left), Wanted(PAIR))
    np.testing.assert_equal(found, {"left": left, "right": right})
    path = saved(a=left, b=right)
    message = f"{path} lacks arrays for the model's inputs left, right; it has a, b; name one for each input"
    assert error(path, Wanted(PAIR)) == f"{message} with --array"
    found = load_data(path, Wanted(PAIR, arrays=["a", "b"]))
    np.testing.assert_equal(found, {"left": left, "right": right})
    assert (
        error(path, Wanted(PAIR, arrays=["a"]))
        == "the model's inputs are 2 (left, right), and --array names 1"
    )


def test_inputs_of_different_lengths(saved) -> None:
    path = saved(left=np.ones((5, 3)), right=np.ones((6, 4)))
    message = "the arrays of the inputs have different numbers of samples: left 5, right 6"
    assert error(path, Wanted(PAIR)) == f"{path}: {message}"


def test_one_array_cannot_feed_two_inputs(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    np.save(path, np.ones((5, 3)))
    assert error(path, Wanted(PAIR)) == (
        f"the model has 2 inputs (left, right), and {path} feeds one; "
        "give an .npz file with an array of each name"
    )


def test_an_array_alone_and_its_first_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", VALUES)
    np.testing.assert_equal(load_data(tmp_path / "data.npy", Wanted(IMAGE)), {"image": VALUES})
    np.testing.assert_equal(load_data(tmp_path / "data.npy", Wanted(IMAGE, limit=2)), {"image": VALUES[:2]})


def test_another_shape(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    np.save(path, VALUES[..., 0])
    assert error(path, Wanted(IMAGE)) == (
        f"{path}: the model's input image has shape (samples, 2, 3, 1), and the data have (5, 2, 3); "
        "the first axis is the samples"
    )
    np.testing.assert_equal(load_data(path, Wanted({"series": (None, 3)})), {"series": VALUES[..., 0]})


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 2, 3, 1)), "the array for input image holds no samples"),
        (np.full((5, 2, 3, 1), "a"), "the array for input image holds <U1, not numbers"),
        (
            np.float32(3),
            "the model's input image has shape (samples, 2, 3, 1), and the data have (); the first ",
        ),
    ],
)
def test_arrays_that_are_no_data(array: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", array)
    assert error(tmp_path / "data.npy", Wanted(IMAGE)).startswith(f"{tmp_path / 'data.npy'}: {message}")


@pytest.mark.parametrize("name", ["data.npy", "data.npz"])
def test_pickled_objects_are_not_loaded(name: str, tmp_path: Path) -> None:
    objects = np.array([print], dtype=object)
    with (tmp_path / name).open("wb") as file:
        (np.save if name == "data.npy" else np.savez)(file, objects, allow_pickle=True)
    assert error(tmp_path / name, Wanted(IMAGE)) == no_arrays(tmp_path / name)


def test_a_table_with_and_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = "\n".join(",".join(map(str, row)) for row in VALUES.reshape(5, 6).tolist())
    path.write_text(rows)
    np.testing.assert_equal(load_data(path, Wanted(IMAGE)), {"image": VALUES})
    path.write_text(f"a,b,c,d,e,f\n{rows}\n")
    np.testing.assert_equal(load_data(path, Wanted(IMAGE, limit=3)), {"image": VALUES[:3]})
    np.testing.assert_equal(load_data(path, Wanted({"flat": (6,)})), {"flat": VALUES.reshape(5, 6)})


def test_blank_lines_are_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\n\n1,2\n\n3,4\n\n\n5,6\n")
    found = load_data(path, Wanted({"flat": (2,)}, limit=2))["flat"]
    np.testing.assert_equal(found, np.array([[1, 2], [3, 4]], np.float32))


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("größe,b\n1,2\n".encode("latin-1"))
    message = f"cannot read the data {path}: it is no text in UTF-8 ("
    assert error(path, Wanted({"flat": (2,)})).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds no row of numbers"),
        ("a,b\n", "it holds no row of numbers"),
        ("a,b\n1,2\n3,x\n", "sample 2 is no row of 2 numbers: '3,x'"),
        ("1,2\n3\n", "sample 2 is no row of 2 numbers: '3'"),
    ],
)
def test_tables_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    assert error(path, Wanted({"flat": (2,)})) == f"cannot read the data {path}: {message}"


def test_a_folder_of_images(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "cats").mkdir()
    for name, grey in {"b.png": 250, "a.png": 50, "cats/c.bmp": 100}.items():
        Image.new("L", (8, 4), grey).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    found = load_data(tmp_path, Wanted(IMAGE))["image"]
    assert found.shape == (3, 2, 3, 1) and found.dtype == np.float32
    np.testing.assert_equal(found[:, 0, 0, 0], [50, 250, 100])
    scaled = load_data(tmp_path, Wanted({"image": (4, 8, 3)}, limit=1, scale=0.5))["image"]
    np.testing.assert_equal(scaled, np.full((1, 4, 8, 3), 25.0, dtype=np.float32))


def test_folders_of_no_images(tmp_path: Path) -> None:
    assert error(tmp_path, Wanted(IMAGE)) == f"{tmp_path} holds no image (.bmp, .gif, .jpeg, .jpg, .png)"
    (tmp_path / "a.png").write_bytes(b"no image")
    assert error(tmp_path, Wanted(IMAGE)).startswith(f"cannot read the image {tmp_path / 'a.png'}: ")
    assert error(tmp_path, Wanted({"flat": (6,)})) == (
        f"{tmp_path} is a folder of images, and the model's input flat (samples, 6) is no image "
        "(height, width, 1 or 3 channels) of a fixed size"
    )


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    assert error(path, Wanted(IMAGE)) == f"cannot read the data {path}: there is no such file or folder"
    path = tmp_path / "data.mat"
    path.touch()
    expected = (
        f"cannot read the data {path}: its suffix is none of .npz, .npy, .csv; give images as the folder"
    )
    assert error(path, Wanted(IMAGE)) == f"{expected} that they are in"


@pytest.mark.parametrize("name", ["data.npy", "data.npz"])
@pytest.mark.parametrize("bytes_kept", [0, 100])
def test_a_cut_file(name: str, bytes_kept: int, tmp_path: Path) -> None:
    path = tmp_path / name
    (np.save if name == "data.npy" else np.savez)(path, VALUES)
    path.write_bytes(path.read_bytes()[:bytes_kept])
    assert error(path, Wanted(IMAGE)) == no_arrays(path)


def test_a_damaged_file(saved) -> None:
    path = saved(image=VALUES)
    found = bytearray(path.read_bytes())
    found[found.index(VALUES.tobytes())] ^= 1
    path.write_bytes(found)
    assert error(path, Wanted(IMAGE)) == no_arrays(path)


def test_one_array_and_several_are_told_by_content(saved, tmp_path: Path) -> None:
    several, one = tmp_path / "several.npy", tmp_path / "one.npz"
    saved(image=VALUES).rename(several)
    np.save(tmp_path / "one.npy", VALUES)
    (tmp_path / "one.npy").rename(one)
    for path in (several, one):
        np.testing.assert_equal(load_data(path, Wanted(IMAGE)), {"image": VALUES})
