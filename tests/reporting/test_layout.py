"""Tables fit any page, and nothing of them is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.layout import GAP, broken_cells, column_width, split

WORDS = st.text(alphabet="aé層/_", min_size=1, max_size=40)


def column(name: str, cells: list[str], **facts) -> Column:
    return Column(name=name, header=name, cells=tuple(cells), **facts)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.integers(1, 4))
    key = column("layer", draw(st.lists(WORDS, min_size=rows, max_size=rows)), text=True)
    figures = st.lists(st.text(alphabet="0123456789", min_size=1, max_size=12), min_size=rows, max_size=rows)
    others = [
        column(f"c{index}", draw(figures), group=draw(st.sampled_from(["structure", "activity"])))
        for index in range(draw(st.integers(1, 8)))
    ]
    return Table("Layers", (key, *others))


@given(tables(), st.integers(60, 200))
def test_every_column_appears_once_beside_the_names_and_fits(table: Table, width: int) -> None:
    parts = split(table, width)
    assert all(part.columns[0].cells == table.columns[0].cells for part in parts)
    assert [column for part in parts for column in part.columns[1:]] == list(table.columns[1:])
    for part in parts:
        widths = [column_width(column, width) for column in part.columns]
        assert sum(widths) + GAP * (len(widths) - 1) <= width
        for column, room in zip(part.columns, widths, strict=True):
            assert all(cell_len(line) <= room for lines in broken_cells(column, width) for line in lines)


@given(WORDS, st.integers(60, 200))
def test_broken_names_lose_nothing(name: str, width: int) -> None:
    (lines,) = broken_cells(column("layer", [name], text=True), width)
    assert "".join(lines) == name


def test_a_table_that_fits_stays_as_it_is() -> None:
    table = Table("Layers", (column("layer", ["a"], text=True), column("energy", ["1 J"], group="energy")))
    assert split(table, 60) == [table]


def test_groups_stay_together_and_name_their_part() -> None:
    def group(name: str, width: int, *columns: str) -> list[Column]:
        return [column(each, ["x" * width], group=name) for each in columns]

    # 5 + 2 x (2 + 20) = 49 cells, then 5 + 22 = 27 more for a third column; a page of 60 holds two.
    key = column("layer", ["conv"], text=True)
    table = Table("Layers", (key, *group("size", 20, "a", "b"), *group("energy", 20, "c", "d", "e")))
    parts = split(table, 60)
    assert [part.title for part in parts] == ["Layers: size", "Layers: energy", "Layers: energy (continued)"]
    assert [[each.name for each in part.columns] for part in parts] == [
        ["layer", "a", "b"],
        ["layer", "c", "d"],
        ["layer", "e"],
    ]


def test_long_names_break_behind_a_slash() -> None:
    names = column("layer", ["encoder/block_3/attention", "x" * 25], text=True)
    assert broken_cells(names, 60) == [["encoder/block_3/", "attention"], ["x" * 20, "x" * 5]]


def test_rows_that_a_part_says_nothing_of_are_left_out_of_it() -> None:
    key = column("layer", ["conv", "  bias", "idle power"], text=True)
    size = column("size", ["x" * 50, "x", ""], group="size")
    energy = column("energy", ["1 J", "", "2 J"], group="energy")
    sizes, energies = split(Table("Layers", (key, size, energy), detail=(False, True, False)), 60)
    assert [each.cells for each in sizes.columns] == [("conv", "  bias"), ("x" * 50, "x")]
    assert [each.cells for each in energies.columns] == [("conv", "idle power"), ("1 J", "2 J")]
    assert (sizes.detail, energies.detail) == ((False, True), (False, False))
