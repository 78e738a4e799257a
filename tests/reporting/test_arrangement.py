"""Rows of the per-layer table: blocks folded, sorted, the first few; figures stay the network's."""

from __future__ import annotations

import pytest

from energyprobe.costing.device import Device
from energyprobe.errors import ReportError
from energyprobe.reporting.document import Column
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.reporting.terminal import to_text
from energyprobe.trace.records import Trace


@pytest.fixture
def of_ann(ann: Trace, chip: Device, cpu: Device) -> Report:
    return report(ann, [cpu, chip])


def columns(of: Report) -> dict[str, Column]:
    (table,) = (each for each in of.document.sections if each.title.startswith("Layers"))
    return {column.header: column for column in table.columns}


def rows(of: Report) -> tuple[str, ...]:
    return columns(of)["layer"].cells


def test_blocks_fold_to_one_row(of_ann: Report) -> None:
    folded = of_ann.arrange(depth=1)
    assert rows(folded) == ("conv", "pool", "flatten", "branch", "spectrum", "logits")
    told = columns(folded)
    branch = rows(folded).index("branch")
    assert told["type"].cells[branch] == "2 layers"
    assert told["calls"].cells[branch] == "3"
    # Parameters of a layer that is called twice count once: 256 x 32 + 32 + 32 x 32 + 32.
    assert told["params"].values[branch] == 9280
    # 256 x 32 + 2 x 32 x 32
    assert told["dense\nsynops"].values[branch] == 10240
    # 10,240 MACs x 2 nJ, and biases: 3 x 32 x 0.5 nJ
    assert told["dense-cpu †"].values[branch] == pytest.approx(10240 * 2e-9 + 96 * 0.5e-9)


@pytest.mark.parametrize(
    "arrangement", [{"depth": 1}, {"top": 2}, {"sort": "event_synops"}, {"depth": 1, "top": 3}]
)
def test_totals_are_those_of_the_network(of_ann: Report, arrangement: dict[str, int | str]) -> None:
    told, plain = columns(of_ann.arrange(**arrangement)), columns(of_ann)
    assert [each.total for each in told.values()] == [each.total for each in plain.values()]
    for name in ("dense-cpu †", "dense-cpu †\nshare", "dense\nsynops", "params"):
        before, after = (
            sum(value for value in each[name].values if value is not None) for each in (plain, told)
        )
        assert after == pytest.approx(before)


def test_rows_are_sorted_figures_from_high_to_low_unknown_last(of_ann: Report) -> None:
    by_synops = rows(of_ann.arrange("dense_synops"))
    assert by_synops[:4] == ("branch/hidden", "conv", "branch/refine", "logits")
    assert by_synops[-1] == "spectrum"
    assert rows(of_ann.arrange("energy_j"))[:3] == ("conv", "branch/hidden", "branch/refine")
    assert rows(of_ann.arrange("energy_share")) == rows(of_ann.arrange("energy_j"))


def test_names_are_sorted_from_a_to_z(of_ann: Report) -> None:
    assert columns(of_ann.arrange("type"))["type"].cells == (
        "Conv2D", "Dense", "Dense", "Dense", "Flatten", "Lambda", "MaxPooling2D",
    )  # fmt: skip


def test_the_others_share_a_row(of_ann: Report) -> None:
    first = of_ann.arrange(top=2)
    assert rows(first) == ("conv", "branch/hidden", "5 others")
    told = columns(first)
    assert told["type"].cells[-1] == "5 layers"
    # pool, twice refine, and the read-out; what the uncounted layer does comes on top.
    assert told["dense\nsynops"].cells[-1] == "≥ 2.37 k"
    assert told["dense-cpu †"].cells[-1].startswith("≥ ")
    assert rows(of_ann.arrange(top=7)) == rows(of_ann.arrange("energy_j"))


def test_what_else_the_report_says_stays(of_ann: Report) -> None:
    arranged, plain = (
        [each for each in of.document.sections if not each.title.startswith(("Layers", "Legend"))]
        for of in (of_ann.arrange("energy_j", top=1, depth=1), of_ann)
    )
    assert arranged == plain


@pytest.mark.parametrize(
    ("arrangement", "message"),
    [
        ({"sort": "event_synop"}, "a report has no column 'event_synop': did you mean 'event_synops'"),
        ({"top": 0}, "top must be a whole number of at least 1, got 0"),
        ({"depth": 1.5}, "depth must be a whole number of at least 1, got 1.5"),
        ({"depth": True}, "depth must be a whole number of at least 1, got True"),
    ],
)
def test_what_cannot_be_is_refused(of_ann: Report, arrangement: dict[str, object], message: str) -> None:
    with pytest.raises(ReportError) as caught:
        of_ann.arrange(**arrangement)
    assert str(caught.value).startswith(message)


def test_bars_show_shares_in_eighths_of_a_cell(ann: Trace, cpu: Device) -> None:
    page = to_text(report(ann, cpu).document, 200)
    shares = {line.split()[0]: line.rsplit("%", 1)[-1].strip() for line in page.splitlines() if "%" in line}
    # 16.5 of 38.2 uJ: 43.2 % of 6 cells are 20.7 eighths; 10.8 %: 5.2 eighths; 1.7 %: 0.8 eighths
    assert shares["conv"] == "██▋"
    assert shares["branch/refine"] == "▋"
    assert shares["logits"] == "▏"
    assert "flatten" in shares and shares["flatten"] == ""
