"""A model split over devices: parts, transfers and waiting, by hand."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import energyprobe as ep
from energyprobe.costing.draws import Draws
from energyprobe.costing.figures import Figure
from energyprobe.costing.loading import parse_device
from energyprobe.costing.placement import Placement
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import count
from energyprobe.errors import DeviceError, ScenarioError
from energyprobe.trace.operations import Dense, Free
from energyprobe.trace.records import Trace

PROCESSOR = """
model = "processor"
name = "{name}"
title = "{name}"
kind = "conventional"
skips = "nothing"
graded_events = true
description = "A processor of the tests."
"""

FIGURE = """
[constants.{term}]
value = {value}
{ends}unit = "{unit}"
source = "horowitz2014"
provenance = "derived"
verified = true
boundary = "chip"
"""


def processor(name: str, mac_ns: float, static_w: float, idle_w: float, ends: str = ""):
    """One whose multiply-accumulates take so long; `ends`: their lines of ``low`` and ``high``."""
    text = PROCESSOR.format(name=name)
    for term, value, unit, its_ends in (
        ("types.float32.conv_s", mac_ns, "ns", ends),
        ("static_w", static_w, "W", ""),
        ("idle_w", idle_w, "W", ""),
    ):
        text += FIGURE.format(term=term, value=value, unit=unit, ends=its_ends)
    return parse_device(text, f"{name}.toml")


def link(value: float, unit: str) -> Figure:
    return Figure(
        value=value, unit=unit, source="horowitz2014", provenance="derived", verified=True, boundary="board"
    )


@pytest.fixture
def trace(make_call, make_trace, graded) -> Trace:
    """7 samples: 100 to 30 units, a reshape, 30 to 20, 20 to 10; the first one's output is read twice."""
    sizes = {"conv/a": (100, 30), "dense/b": (30, 20), "dense/c": (20, 10), "dense/d": (30, 5)}
    inputs = {"conv/a": ("input:x",), "dense/b": ("flat",), "dense/c": ("dense/b",), "dense/d": ("conv/a",)}
    calls = {
        path: make_call(
            path,
            (Dense(inputs=rows, units=columns), graded(7 * rows * columns)),
            samples=7,
            inputs=inputs[path],
            bytes_out=7 * 4 * columns,
            layer=path.rpartition("/")[2],
        )
        for path, (rows, columns) in sizes.items()
    }
    flat = make_call(
        "flat", (Free(reason="reshapes"), None), samples=7, fate="free", inputs=("conv/a",), bytes_out=7 * 120
    )
    return make_trace(calls["conv/a"], flat, *list(calls.values())[1:], samples=7)


@pytest.fixture
def slow():
    return processor("slow", mac_ns=10, static_w=2, idle_w=1)


@pytest.fixture
def fast():
    return processor("fast", mac_ns=1, static_w=40, idle_w=8)


@pytest.fixture
def sources(slow):
    return slow.sources


def test_each_device_prices_its_own_layers(trace: Trace, make_device) -> None:
    one, other = (
        make_device(macs=3),
        msgspec.structs.replace(make_device(macs=50), name="other", title="Other"),
    )
    placed = Placement({"conv*": one, "dense/*": other})
    cost = placed.cost(trace)
    joules = dict(zip(cost.layer, cost.energy_j.tolist(), strict=True))
    assert joules["a"] == pytest.approx(3000 * 3e-12)
    assert [joules["b"], joules["c"], joules["d"]] == pytest.approx(
        [600 * 50e-12, 200 * 50e-12, 150 * 50e-12]
    )
    assert cost.total().energy_j == pytest.approx((3000 * 3 + 950 * 50) * 1e-12)
    assert (placed.name, placed.title) == ("chip+other", "Chip and Other")


@pytest.mark.parametrize("rest", ["*", "dense/*"])
def test_outputs_are_moved_once_to_each_device_that_reads_them(trace, slow, fast, sources, rest) -> None:
    # b reads the 120 bytes of a through a reshape, wherever that lies, and d reads them, too.
    priced = Placement({"conv*": slow, rest: fast}, link(5, "pJ/byte"), sources=sources)
    total = priced.cost(trace).total()
    assert total.terms["transfers"].operations == 120
    assert total.terms["transfers"].energy_j == pytest.approx(120 * 5e-12)
    assert not total.lower_bound and total.boundary == "board"


def test_two_readers_on_two_devices_are_sent_two_copies(trace, slow, fast, sources) -> None:
    third = msgspec.structs.replace(fast, name="third")
    places = {"conv*": slow, "flat": slow, "d": third, "*": fast}
    total = Placement(places, link(5, "pJ/byte"), sources=sources).cost(trace).total()
    assert total.terms["transfers"].operations == 240


def test_the_first_pattern_that_fits_holds_for_paths_and_names(trace, slow, fast, sources) -> None:
    places = {"d": slow, "dense/*": fast, "*": slow}
    priced = Placement(places, link(5, "pJ/byte"), sources=sources).cost(trace)
    assert any(note.startswith("fast runs 2 of the layer calls") for note in priced.notes)
    assert any(note.startswith("slow runs 3 of the layer calls") for note in priced.notes)


def test_bytes_without_a_price_make_a_lower_bound(trace: Trace, slow, fast) -> None:
    cost = Placement({"conv*": slow, "*": fast}).cost(trace)
    assert cost.reasons == ("what a byte moved between devices costs is not given",)
    assert not Placement({"*": slow}).cost(trace).lower_bound


def test_who_waits_is_idle(trace: Trace, slow, fast, sources) -> None:
    # slow: 3000 MACs of 10 ns = 30 us; fast: 950 of 1 ns = 0.95 us; one inference every 30 us.
    placed = Placement({"conv*": slow, "*": fast}, link(5, "pJ/byte"), sources=sources)
    total = placed.cost(trace).total()
    assert total.time_per_inference_s == pytest.approx(30e-6)
    assert total.terms["static"].energy_j == pytest.approx(30e-6 * 2 + 0.95e-6 * 40)
    assert total.terms["idle"].energy_j == pytest.approx(29.05e-6 * 8)
    assert total.latency_s == pytest.approx(30.95e-6)
    # At a pace both wait.
    paced = placed.cost(trace, Scenario(inferences_per_second=10_000)).total()
    assert paced.terms["idle"].energy_j == pytest.approx((100 - 30) * 1e-6 * 1 + (100 - 0.95) * 1e-6 * 8)


def test_moving_takes_time(trace: Trace, slow, fast, sources) -> None:
    links = (link(5, "pJ/byte"), link(500, "ns/byte"))
    total = Placement({"conv*": slow, "*": fast}, *links, sources=sources).cost(trace).total()
    # 120 bytes of 500 ns are 60 us, longer than either device works.
    assert total.latency_s == pytest.approx(90.95e-6)
    assert total.time_per_inference_s == pytest.approx(60e-6)


def test_intervals_of_latency_are_the_sums_of_those_of_its_devices_and_transfers(trace, sources) -> None:
    slow = processor("slow", 10, static_w=2, idle_w=1, ends="low = 8\nhigh = 13\n")
    fast = processor("fast", 1, static_w=40, idle_w=8, ends="high = 3\n")
    moving = msgspec.structs.replace(link(500, "ns/byte"), low=200, high=700)
    placed = Placement({"conv*": slow, "*": fast}, link(5, "pJ/byte"), moving, sources=sources)
    total = placed.cost(trace).total()
    # 3000 MACs on one, 950 on the other, 120 bytes between them.
    assert total.low_latency_s == pytest.approx((3000 * 8 + 950 * 1 + 120 * 200) * 1e-9)
    assert total.latency_s == pytest.approx((3000 * 10 + 950 * 1 + 120 * 500) * 1e-9)
    assert total.high_latency_s == pytest.approx((3000 * 13 + 950 * 3 + 120 * 700) * 1e-9)


def test_errors_of_single_networks_stay_those_of_single_networks() -> None:
    placed = Placement({"conv*": "a100", "*": "raspberry-pi-4"})
    # The GPU's latency, and every term: the other device was held against measurements.
    assert {"latency", "kernels", "static", "transfers"} <= set(placed.own_errors)


def test_a_time_that_is_left_out_is_told(trace: Trace, slow, fast, sources) -> None:
    told = "latencies leave out the time of moving them: that of a byte is not given"
    energy, time = link(5, "pJ/byte"), link(500, "ns/byte")
    for places, links, expected in (
        ({"conv*": slow, "*": fast}, (energy,), True),
        ({"conv*": slow, "*": fast}, (energy, time), False),
        ({"*": slow}, (energy,), False),
    ):
        notes = Placement(places, *links, sources=sources).cost(trace).notes
        assert (told in notes) == expected


def test_one_device_is_that_device(trace: Trace, slow) -> None:
    alone, whole = Placement({"*": slow}).cost(trace).total(), slow.cost(trace).total()
    assert (alone.energy_j, alone.latency_s) == pytest.approx((whole.energy_j, whole.latency_s))
    assert alone.time_per_inference_s == pytest.approx(whole.time_per_inference_s)


def test_figures_are_those_of_its_devices(slow, fast, sources) -> None:
    placed = Placement({"a": slow, "b": fast, "c": slow}, link(5, "pJ/byte"), sources=sources)
    assert set(placed.figures) == {f"slow/{name}" for name in slow.figures} | {
        f"fast/{name}" for name in fast.figures
    } | {"transfer"}
    assert placed.dimension_of("slow/static_w") == "power"
    changed = placed.at({"slow/static_w": 7.0, "transfer": 1e-9})
    assert changed.figures["slow/static_w"].value_si == 7.0
    assert changed.figures["fast/static_w"].value_si == 40.0
    assert changed.figures["transfer"].value_si == pytest.approx(1e-9)
    assert set(placed.cites) == {"horowitz2014"}


def test_its_constants_are_drawn(trace: Trace, make_device) -> None:
    one = make_device(macs=(1, 3, 9))
    other = msgspec.structs.replace(make_device(macs=50), name="other", held_out=None)
    placed = Placement({"conv*": one, "*": other})
    assert placed.uncertain == ("chip/macs",)
    drawn = Draws(placed, 200, seed=0).price(count(trace), Scenario(), 0)
    ends = [(3000 * mac + 950 * 50) * 1e-12 for mac in (1, 3, 9)]
    assert np.quantile(drawn.energy_j, [0.05, 0.5, 0.95]) == pytest.approx(ends, rel=0.01)


def test_it_is_a_device_of_reports_and_comparisons(trace: Trace, slow, fast) -> None:
    placed = Placement({"conv*": slow, "*": fast}, name="both")
    report = ep.report(trace, [placed, slow])
    assert report.total("both").lower_bound
    assert "slow: every synaptic operation is paid for" in str(report)
    other = msgspec.structs.replace(trace, fingerprint="other")
    (verdict,) = ep.compare({"a": trace, "b": other}, placed).verdicts
    assert verdict.outcome == "unknown" and "what a byte moved between devices costs" in verdict.reason


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda slow: Placement({}),
            'places: expected at least one, such as {"conv*": "a100", "*": "loihi"}',
        ),
        (lambda slow: Placement({"*": "a101"}), "no device 'a101'"),
        (
            lambda slow: Placement({"*": slow}, link(1, "pJ")),
            "transfer: 'pJ' is a unit of energy, not of energy per byte",
        ),
        (
            lambda slow: Placement({"*": slow}, None, link(1, "s")),
            "transfer_s: 's' is a unit of time, not of time per byte",
        ),
        (
            lambda slow: Placement(
                {"*": slow}, msgspec.structs.replace(link(1, "pJ/byte"), source="unheard")
            ),
            "constants.transfer.source: no source 'unheard', ",
        ),
    ],
)
def test_wrong_placements_are_refused(make, message, slow) -> None:
    with pytest.raises(DeviceError) as caught:
        make(slow)
    assert str(caught.value).startswith(message)


def test_patterns_that_take_no_layer_are_named(trace: Trace, slow, fast) -> None:
    notes = Placement({"cnov*": fast, "dense/*": fast, "*": slow, "conv*": fast}).cost(trace).notes
    assert [note for note in notes if note.startswith("no layer")] == [
        "no layer is placed by 'cnov*'",
        "no layer is placed by 'conv*'",
    ]
    notes = Placement({"dense/*": fast, "*": slow}).cost(trace).notes
    assert not any(note.startswith("no layer") for note in notes)


def test_layers_without_a_place_are_named(trace: Trace, slow) -> None:
    with pytest.raises(ScenarioError) as caught:
        Placement({"conv*": slow, "b": slow}).cost(trace)
    assert str(caught.value) == (
        "slow: no pattern fits dense/c, dense/d; given are 'conv*', 'b' (\"*\" fits all that is left)"
    )


def test_streams_are_refused(trace: Trace, slow) -> None:
    with pytest.raises(ScenarioError) as caught:
        Placement({"*": slow}).cost(trace, Scenario(streaming=True))
    assert str(caught.value) == "slow: a placement runs inferences, no stream"
