"""Recordings with other activity, and the sampling error of what was recorded."""

from __future__ import annotations

import math
import statistics

import pytest

from energyprobe.costing.activity import relative_error, with_activity
from energyprobe.counting.table import count
from energyprobe.trace.activity import Activity
from energyprobe.trace.operations import Dense, Product


def spikes(events: int, number: int, elements: int = 700) -> Activity:
    return Activity(
        elements=elements, events=events, spikes=number, samples=7, sum_sq_events_per_sample=events**2 // 7
    )


def test_the_sampling_error_is_that_of_the_mean() -> None:
    events = [3, 11, 4, 8, 9]
    seen = Activity(
        elements=100, events=sum(events), samples=5, sum_sq_events_per_sample=sum(each**2 for each in events)
    )
    # 1.96 s / sqrt(5) of a mean of 7
    expected = 1.96 * statistics.stdev(events) / math.sqrt(5) / 7
    assert relative_error(seen) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("events", "samples", "squares", "expected"),
    [(0, 9, 0, 0.0), (12, 3, 48, 0.0), (5, 1, 25, math.nan), (5, 3, None, math.nan)],
)
def test_where_nothing_varies_or_nothing_is_known(events, samples, squares, expected) -> None:
    seen = Activity(elements=100, events=events, samples=samples, sum_sq_events_per_sample=squares)
    assert relative_error(seen) == pytest.approx(expected, nan_ok=True)


def test_events_and_what_was_counted_of_them_are_scaled(make_call, make_trace, spiking) -> None:
    read = spikes(100, 130)
    use = spiking(1100, 1430, 900, 1170, activity=read)
    call = make_call("dense", (Dense(inputs=100, units=11), use), output=read, output_spiking=True, samples=7)
    (changed,) = with_activity(make_trace(call, samples=7), lambda activity, spiking: 1.5).calls
    use = changed.steps[0].use
    assert (use.fanout_events, use.fanout_spikes) == (1650, 2145)
    assert (use.effective_events, use.effective_spikes) == (1350, 1755)
    assert (changed.output.events, changed.output.spikes) == (150, 195)
    assert changed.output.sum_sq_events_per_sample == round(1.5**2 * (100**2 // 7))


def test_events_have_room_for_no_more_than_all_elements(make_call, make_trace, spiking) -> None:
    read = spikes(350, 350)
    call = make_call("dense", (Dense(inputs=100, units=11), spiking(3850, activity=read)), samples=7)
    trace = with_activity(make_trace(call, samples=7), lambda activity, spiking: 3.0)
    use = trace.calls[0].steps[0].use
    # 700 elements: events double, spikes triple.
    assert (use.activity.events, use.activity.spikes) == (700, 1050)
    assert (use.fanout_events, use.fanout_spikes) == (7700, 11550)
    assert count(trace).total("event_synops") == count(trace).total("dense_synops") == 7700


def test_connections_leave_room_for_no_more_than_all(make_call, make_trace, spiking) -> None:
    # 100 of 700 elements, but they lie where the connections are many: 2000 of 7 * 1100 synops, 4 times which
    # are more than all.
    use = spiking(2000, 2000, 1500, 1500, activity=spikes(100, 100))
    call = make_call("dense", (Dense(inputs=100, units=11), use), samples=7, timesteps=1)
    (changed,) = with_activity(make_trace(call, samples=7), lambda activity, spiking: 4.0).calls
    use = changed.steps[0].use
    assert (use.activity.events, use.fanout_events, use.fanout_spikes) == (400, 7700, 8000)
    assert use.effective_events == round(1500 * 7700 / 2000)
    assert count(make_trace(changed, samples=7)).total("event_synops") == 7700


def test_only_chosen_tensors_change(make_call, make_trace, spiking, graded) -> None:
    fired, shown = (
        spikes(100, 100),
        Activity(elements=700, events=70, samples=7, sum_sq_events_per_sample=700),
    )
    trace = make_trace(
        make_call("a", (Dense(inputs=100, units=3), graded(210, activity=shown)), samples=7),
        make_call("b", (Dense(inputs=100, units=3), spiking(300, activity=fired)), samples=7),
        samples=7,
    )
    changed = with_activity(trace, lambda activity, spiking: 0.5 if spiking else 1.0)
    assert count(changed)["event_synops"] == (210, 150)


def test_pairs_of_a_product_follow_both_operands(make_call, make_trace, spiking) -> None:
    use = spiking(1000, activity=spikes(100, 100), other=spikes(90, 90), other_spiking=True)
    operation = Product(rows=10, columns=10, shared=10)
    call = make_call("product", (operation, use), samples=7)
    trace = with_activity(make_trace(call, samples=7), lambda activity, spiking: 0.5)
    changed = trace.calls[0].steps[0].use
    assert (changed.fanout_events, changed.other.events) == (250, 45)


def test_what_was_not_observed_stays_unknown(make_call, make_trace, graded) -> None:
    trace = make_trace(make_call("dense", (Dense(inputs=100, units=3), graded(None))))
    assert with_activity(trace, lambda activity, spiking: 2.0) == trace
