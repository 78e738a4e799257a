"""Reading files of measured kernels: what stands in them, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from energyprobe.costing.kernels.cpu_fitting import Processor, cells_of
from energyprobe.costing.kernels.measured import read_kernels
from energyprobe.errors import DeviceError

HEAD = """# processor = "Chip 9"
# clock_ghz = 2.5
# vector_bytes = 32
# cache_kib = [32, 512]
# threads = 2
# date = "2026-11-23"
# numpy = "2.4.6"
"""
COLUMNS = "gpu,kernel,dtype,m,k,n,batch,sparsity,structure,time_us,energy_uj,power_w,nnz,pattern,source"
ROWS = f"""{COLUMNS}
Chip 9,dense,fp32,4,50,6,1,0,unstructured,7.5,,,200,weights=50x6 timings=9,numpy
Chip 9,gather,fp32,4,50,6,1,0.9,unstructured,2.5,,,20,weights=50x6 rows=64 timings=9,numpy
Chip 9,csr,fp32,6,50,4,1,0.5,unstructured,3.5,,,150,weights=50x6 timings=9,numpy
Chip 9,elementwise,fp32,4,1,6,1,0,unstructured,1.5,,,4,weights=50x6 timings=9,numpy
Chip 9,dense,fp64,4,50,6,1,0,unstructured,99,,,200,weights=50x6 timings=9,numpy
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "kernels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_head_and_rows(write) -> None:
    facts, frame = read_kernels(write(HEAD + ROWS))
    processor = Processor.of(facts)
    assert processor.clock_hz == 2.5e9
    assert processor.caches == (32 * 1024.0, 512 * 1024.0)
    assert (processor.vector_bytes, processor.threads, processor.year) == (32.0, 2.0, 2026)
    assert (processor.name, processor.described) == ("Chip 9", " (numpy 2.4.6)")
    cells = cells_of(frame, "numpy")
    assert {name: len(cell) for name, cell in cells.items()} == {
        "dense": 1, "csr": 1, "gather": 1, "elementwise": 1
    }  # fmt: skip
    gather, csr = cells["gather"], cells["csr"]
    assert gather.time_s == pytest.approx([2.5e-6])
    assert gather.problem.density == pytest.approx([0.1])
    assert gather.problem.options["rows"] == [64.0]
    assert csr.problem.options["rows"] == [1e12]
    assert csr.layer.tolist() == ["50x6"]
    assert cells["elementwise"].layer.tolist() == ["6"]


def test_files_without_a_head_are_read(write) -> None:
    facts, frame = read_kernels(write(ROWS))
    assert facts == {}
    assert len(frame) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            HEAD + ROWS.replace("time_us", "time").replace("nnz", "nonzeros"),
            "no column time_us, nnz; needed are",
        ),
        (HEAD, "cannot be read as a file of measured kernels: No columns"),
        ("# clock_ghz = = 2\n" + ROWS, "the lines behind # are not valid TOML: "),
    ],
)
def test_wrong_files_are_refused(write, text: str, expected: str) -> None:
    path = write(text)
    with pytest.raises(DeviceError) as caught:
        read_kernels(path)
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="none.csv: cannot be read as a file of measured kernels: "):
        read_kernels(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["processor", "clock_ghz", "vector_bytes", "cache_kib", "threads", "date"])
def test_a_head_must_say_where_it_was_measured(write, name: str) -> None:
    facts, _ = read_kernels(write(HEAD + ROWS))
    del facts[name]
    with pytest.raises(DeviceError, match=f"^no line '# {name} = …' at the head of the file$"):
        Processor.of(facts)


@pytest.mark.parametrize("caches", [32, [], [1, 2, 3, 4]])
def test_caches_are_one_to_three(write, caches: object) -> None:
    facts, _ = read_kernels(write(HEAD + ROWS))
    with pytest.raises(DeviceError, match="^cache_kib: expected a list of one to three sizes, got "):
        Processor.of({**facts, "cache_kib": caches})


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("clock_ghz", "fast", "clock_ghz: expected a number above 0, got 'fast'"),
        ("vector_bytes", 0, "vector_bytes: expected a number above 0, got 0"),
        ("threads", [2], "threads: expected a number above 0, got \\[2\\]"),
        ("cache_kib", [32, "much"], "cache_kib: expected a number above 0, got 'much'"),
        ("date", "today", "date: expected a date such as 2026-01-31, got 'today'"),
    ],
)
def test_a_wrong_line_of_the_head_is_refused(write, name: str, wrong: object, expected: str) -> None:
    facts, _ = read_kernels(write(HEAD + ROWS))
    with pytest.raises(DeviceError, match=f"^{expected}$"):
        Processor.of({**facts, name: wrong})


@pytest.mark.parametrize(
    ("old", "new", "library", "expected"),
    [
        (",7.5,", ",0,", "numpy", "time_us: expected numbers above 0, got 0"),
        (",7.5,", ",,", "numpy", "time_us: expected numbers above 0, got nan"),
        ("csr,fp32,6", "csr,fp32,-6", "numpy", "m: expected numbers above 0, got -6"),
        ("", "", "jax", "no library 'jax', "),
        ("", "", "tensorflow", "no rows of kernel dense in fp32 by 'tensorflow'; there are numpy"),
        (
            "elementwise",
            "other",
            "numpy",
            "no rows of kernel elementwise in fp32 by 'numpy'; there are numpy",
        ),
        (
            "weights=50x6 rows",
            "rows",
            "numpy",
            "pattern: expected 'weights=INPUTSxUNITS' in every row of kernel gather",
        ),
    ],
)
def test_rows_must_be_whole(write, old: str, new: str, library: str, expected: str) -> None:
    _, frame = read_kernels(write(HEAD + (ROWS.replace(old, new) if old else ROWS)))
    with pytest.raises(DeviceError) as caught:
        cells_of(frame, library)
    assert str(caught.value).startswith(expected)
