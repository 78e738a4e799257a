"""The DataFrame of counts: the contract of its columns, exact integers, unknown as <NA>."""

import pandas as pd
import pytest

from energyprobe.counting.columns import COLUMNS
from energyprobe.counting.frame import counts
from energyprobe.counting.table import count
from energyprobe.errors import CountingError
from energyprobe.trace.operations import Dense, NeuronUpdate, Uncounted
from energyprobe.trace.records import Use

pytestmark = pytest.mark.oldest

CONTRACT = """
    layer call kind reading samples timesteps connections
    dense_synops event_synops effective_synops spike_synops
    dense_macs dense_acs event_macs event_acs effective_macs effective_acs elementwise_ops neuron_updates
    parameter_bytes activation_bytes input_sparsity output_sparsity weight_sparsity output_firing_rate_hz
    silent_fraction fate
""".split()


@pytest.fixture
def trace(make_call, make_step, make_trace, graded):
    return make_trace(
        make_call(make_step(Dense(inputs=7, units=23), use=graded(91, 37)), path="m/a", out_shape=(None, 23)),
        make_call(make_step(NeuronUpdate(neuron="lif", neurons=23)), path="m/b", dt=0.001, out_shape=(23,)),
        make_call(make_step(Uncounted(reason="no rule")), path="m/c", fate="uncounted"),
    )


def test_columns_of_the_contract(trace):
    frame = counts(trace)
    assert set(CONTRACT) <= set(frame.columns)
    assert tuple(frame.columns) == tuple(COLUMNS)
    assert len(frame) == len(trace.calls)


def test_every_column_is_described():
    described = counts.__doc__
    assert not [name for name in COLUMNS if f"``{name}``" not in described]


def test_values_are_those_of_the_table(trace):
    frame, table = counts(trace), count(trace)
    for name in COLUMNS:
        assert [None if value is pd.NA else value for value in frame[name]] == list(table[name]), name


def test_unknown_is_na_and_not_zero(trace):
    frame = counts(trace).set_index("path")
    assert frame.loc["m/c", "dense_synops"] is pd.NA
    assert frame.loc["m/b", "dense_synops"] == 0
    assert frame.loc["m/a", "neuron"] is pd.NA
    assert frame.loc["m/a", "dt"] is pd.NA
    assert frame["dense_synops"].sum(skipna=False) is pd.NA


def test_types(trace):
    types = counts(trace).dtypes
    assert types["dense_synops"] == types["samples"] == "Int64"
    # A column in which nothing is known has the type of any other.
    assert types["spikes"] == "Int64"
    assert types["silent_fraction"] == types["dt"] == "Float64"
    assert types["origin"] == "string"
    assert types["lower_bound"] == "boolean"
    assert counts(trace)["out_shape"].tolist() == [(None, 23), (23,), ()]


@pytest.mark.parametrize("inputs, dtype", [(2**53 + 1, "Int64"), (2**63 + 1, "object")])
def test_large_counts_stay_exact(make_call, make_step, make_trace, inputs, dtype):
    use = Use(activity=None, spiking=False)
    calls = [
        make_call(make_step(Dense(inputs=inputs, units=1), use=use), path="a"),
        make_call(make_step(Uncounted(reason="no rule")), path="b", fate="uncounted"),
    ]
    column = counts(make_trace(*calls))["dense_macs"]
    assert column.dtype == dtype
    assert int(column[0]) == inputs
    assert column[1] is pd.NA


def test_reading_is_passed_on(trace):
    with pytest.raises(CountingError, match="was not recorded in the reading 'folded'"):
        counts(trace, reading="folded")
