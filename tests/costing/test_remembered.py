"""What is remembered of an object: made once for each question, and gone with the object."""

import gc
import weakref

from energyprobe.costing.remembered import remembered
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import work_of
from energyprobe.counting.table import count
from energyprobe.trace.operations import Dense


class Thing:
    pass


def test_it_is_made_once_for_each_question():
    asked = []

    @remembered
    def answer(of, number):
        asked.append(number)
        return number * 2

    thing = Thing()
    assert [answer(thing, 3), answer(thing, 3), answer(thing, 4), answer(Thing(), 3)] == [6, 6, 8, 6]
    assert asked == [3, 4, 3]


def test_it_goes_with_the_object(make_call, make_trace, graded):
    table = count(make_trace(make_call("dense", (Dense(inputs=7, units=5), graded(30)))))
    work = work_of(table, Scenario())
    assert work_of(table, Scenario()) is work
    assert work_of(table, Scenario(timesteps=None, batch_size=2)) is not work
    held = weakref.ref(table)
    del table
    gc.collect()
    assert held() is None


def test_columns_are_shared_and_cannot_be_changed(make_call, make_trace, graded):
    work = work_of(count(make_trace(make_call("dense", (Dense(inputs=7, units=5), graded(30))))))
    assert work["dense_synops"] is work["dense_synops"]
    assert not work["dense_synops"].flags.writeable
