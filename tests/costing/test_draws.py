"""Joint draws of figures: quantiles in closed form, and what is drawn once for all networks."""

from __future__ import annotations

import functools
import math

import msgspec
import numpy as np
import pytest

from energyprobe.costing.device import HeldOut
from energyprobe.costing.draws import Draws, quantile, stratified
from energyprobe.costing.lookup import catalog, device
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import CountTable, count
from energyprobe.trace.operations import Dense, NeuronUpdate

DRAWS = 400


@pytest.fixture
def network(make_call, make_trace, spiking):
    """One sample: so many spikes at synapses, and so many updates of neurons."""

    def make(synops: int, updates: int) -> CountTable:
        synapses = (Dense(inputs=1000, units=1), spiking(synops))
        neurons = (NeuronUpdate(neuron="lif", neurons=updates), None)
        return count(make_trace(make_call("layer", synapses, *([neurons] if updates else []))))

    return make


@pytest.fixture
def spike_device(make_device):
    """Energies in pJ: a figure, or (low, value, high)."""
    return functools.partial(make_device, graded_events=False)


def test_quantiles_are_those_of_the_range() -> None:
    shares = np.array([0.05, 0.275, 0.5, 0.725, 0.95])
    # From 2 to 8 to 128, geometrically: sqrt(2 * 8) = 4 and sqrt(8 * 128) = 32 lie half-way.
    assert quantile(shares, 8.0, 2.0, 128.0) == pytest.approx([2, 4, 8, 32, 128])
    # Beyond 95 % it goes on in the same way: 8 * 16 ** (0.5 / 0.45).
    assert quantile(np.array([1.0]), 8.0, 2.0, 128.0) == pytest.approx([8 * 16 ** (1 / 0.9)])
    # From 0 linearly, and never below.
    assert quantile(np.array([0.0, 0.05, 0.275, 0.5]), 6.0, 0.0, 9.0) == pytest.approx([0, 0, 3, 6])


def test_an_end_at_the_value_is_half_of_the_draws() -> None:
    drawn = quantile(stratified(np.random.default_rng(3), 100), 5.0, 5.0, 20.0)
    assert (drawn == 5.0).sum() == 50 and drawn.max() > 20


def test_what_is_unknown_stays_unknown() -> None:
    assert math.isnan(quantile(np.array([0.3]), math.nan, math.nan, math.nan)[0])


def test_shares_are_one_of_each_stratum() -> None:
    shares = stratified(np.random.default_rng(0), 7)
    assert sorted(shares * 14) == pytest.approx([1, 3, 5, 7, 9, 11, 13])
    assert list(shares) != sorted(shares)


@pytest.mark.parametrize("name", ["loihi", "a100", "loihi-constant", "lemaire-45nm-8bit", "cortex-m4"])
def test_a_device_has_the_values_that_it_is_given(name: str) -> None:
    before = device(name)
    wanted = {term: 3.0 * figure.value_si for term, figure in before.figures.items()}
    after = before.at(wanted)
    for term, figure in after.figures.items():
        assert (figure.low_si, figure.value_si, figure.high_si) == pytest.approx((wanted[term],) * 3)
    assert (after.name, after.sources) == (before.name, before.sources)
    assert before.at({}) == before


def test_capacities_and_states_are_not_uncertain() -> None:
    loihi = device("loihi")
    assert loihi.figures["synapses_per_core"].has_range and loihi.figures["neuron_updates"].has_range
    assert loihi.uncertain == ("acs", "decode_spikes", "hops", "update_s", "barrier_s")
    assert all(set(each.uncertain) <= set(each.figures) for each in catalog().values())


def test_draws_are_the_same_for_every_network(network, spike_device) -> None:
    # One figure has a range: the energies of both networks are multiples of it, their ratio is exact.
    draws = Draws(spike_device(acs=(10, 20, 40)), DRAWS, seed=0)
    one, other = (draws.price(network(spikes, 0), Scenario(), 0) for spikes in (30, 70))
    assert one.energy_j.std() > 0
    assert other.energy_j / one.energy_j == pytest.approx(np.full(DRAWS, 7 / 3))
    assert np.quantile(one.energy_j, [0.05, 0.5, 0.95]) == pytest.approx(
        [30 * 10e-12, 30 * 20e-12, 30 * 40e-12], rel=0.01
    )


def test_two_constants_of_their_own_have_known_quantiles(network, spike_device) -> None:
    # Spikes alone against updates alone, each constant log-uniform within a factor f of its value: ln of the
    # ratio is the difference of two uniform numbers within w = ln f / 0.9, a triangle of half-width 2 w:
    # P(difference > x) = (2 w - x)^2 / (8 w^2), which is 5 % at x = 2 w (1 - sqrt(0.1)).
    draws = Draws(spike_device(acs=(10, 20, 40), neuron_updates=(25, 50, 100)), DRAWS, seed=0)
    spikes, updates = (draws.price(network(*each), Scenario(), 0) for each in ((50, 0), (0, 10_000)))
    width = math.log(2) / 0.9
    high = 2 * width * (1 - math.sqrt(0.1))
    ratio = np.log(updates.energy_j / spikes.energy_j) - math.log(10_000 * 50 / (50 * 20))
    assert np.quantile(ratio, [0.05, 0.5, 0.95]) == pytest.approx([-high, 0, high], abs=0.12)


def test_a_seed_gives_the_same_draws(network, spike_device) -> None:
    given = spike_device(acs=(10, 20, 40), neuron_updates=(25, 50, 100))
    counts = network(30, 5)
    first, again, other = (
        Draws(given, 50, seed).price(counts, Scenario(), 0).energy_j.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_error_on_held_out_measurements_is_of_each_network(network, spike_device) -> None:
    exact = spike_device(acs=20)
    held_out = HeldOut(factor=1.5, measurements=9, note="some")
    draws = Draws(msgspec.structs.replace(exact, held_out=held_out), DRAWS, seed=0)
    counts = network(30, 0)
    first, second, again = (draws.price(counts, Scenario(), network).energy_j for network in (0, 1, 0))
    assert first.tolist() == again.tolist() != second.tolist()
    # 90 % within a factor of 1.5 of 30 accumulates of 20 pJ.
    assert np.quantile(first, [0.05, 0.95]) == pytest.approx([600e-12 / 1.5, 600e-12 * 1.5], rel=0.01)


def test_an_error_that_the_ranges_hold_is_drawn_and_widens_no_interval(network, spike_device) -> None:
    exact = spike_device(acs=(10, 20, 40))
    held_out = HeldOut(factor=1.5, measurements=9, note="some", widens=False)
    given = msgspec.structs.replace(exact, held_out=held_out)
    counts = network(30, 0)
    total = given.cost(counts, Scenario()).total()
    assert (total.low_j, total.energy_j, total.high_j) == pytest.approx((300e-12, 600e-12, 1200e-12))
    draws = Draws(given, DRAWS, seed=0)
    one, other = (draws.price(counts, Scenario(), network).energy_j for network in (0, 1))
    # The range cancels in a ratio of two networks, their own errors do not.
    assert np.quantile(one / other, [0.05, 0.95]) == pytest.approx(
        [1.5 ** -(2**0.5), 1.5 ** (2**0.5)], rel=0.1
    )


def test_a_device_without_ranges_is_priced_once(network, spike_device) -> None:
    exact = msgspec.structs.replace(spike_device(acs=20), held_out=None)
    draws = Draws(exact, DRAWS, seed=0)
    assert len(draws.devices) == 1
    drawn = draws.price(network(30, 0), Scenario(), 0)
    assert drawn.energy_j.shape == drawn.latency_s.shape == (DRAWS,)
    assert set(drawn.energy_j.tolist()) == {30 * 20e-12}


def test_errors_of_kernel_models_are_of_each_network(network) -> None:
    # Products of a GPU err by shape: two networks are not off alike, as they are on a chip.
    draws = Draws(device("a100"), DRAWS, seed=0)
    first, second, again = (draws.price(network(30, 0), Scenario(), each).energy_j for each in (0, 1, 0))
    assert first.tolist() == again.tolist() != second.tolist()
    total = device("a100").cost(network(30, 0)).total()
    quantiles = [total.low_j, total.energy_j, total.high_j]
    assert np.quantile(first, [0.05, 0.5, 0.95]) == pytest.approx(quantiles, rel=0.01)


def test_what_no_price_is_known_of_is_unknown_in_every_draw(make_call, make_trace, graded) -> None:
    values = count(make_trace(make_call("layer", (Dense(inputs=7, units=3), graded(12)))))
    assert np.isnan(Draws(device("loihi"), 5, seed=0).price(values, Scenario(), 0).energy_j).all()


def test_times_are_drawn_where_energies_are_not_modelled(network) -> None:
    drawn = Draws(device("amd-epyc-1-thread"), DRAWS, seed=0).price(network(1000, 0), Scenario(), 0)
    assert np.isnan(drawn.energy_j).all()
    total = device("amd-epyc-1-thread").cost(network(1000, 0)).total()
    assert np.median(drawn.latency_s) == pytest.approx(total.latency_s, rel=0.01)
    assert np.quantile(drawn.latency_s, (0.05, 0.95)) == pytest.approx(
        [total.low_latency_s, total.high_latency_s], rel=0.02
    )


@pytest.mark.parametrize("pace", [None, 10.0])
def test_a_figure_matters_where_something_is_paid_at_it(network, pace: float | None) -> None:
    # Idle power costs nothing back to back.
    counts, scenario, a100 = network(1000, 0), Scenario(inferences_per_second=pace), device("a100")
    a100 = a100.at({f"launches.{way}": figure.value_si for way, figure in a100.constants.launches.items()})
    assert a100.uncertain == ("idle_w",)
    known = a100.at({"idle_w": a100.figures["idle_w"].value_si})
    energies = [Draws(each, 30, 0).price(counts, scenario, 0).energy_j for each in (a100, known)]
    assert len(set(energies[0])) == 30
    assert np.allclose(*energies, rtol=1e-12, atol=0) == (pace is None)


@pytest.mark.parametrize("name", ["loihi", "a100", "45nm-int8"])
def test_prices_are_those_of_each_drawn_device(network, name: str) -> None:
    # Linear in the figures, as on Loihi, or not, as on a GPU up to its limit of power.
    counts, drawn = network(1000, 300), Draws(device(name), 30, 0)
    totals = [each.cost(counts, Scenario()).total() for each in drawn.devices]
    energies = [
        [(each.energy_j, each.low_j, each.high_j) for each in total.terms.values()] for total in totals
    ]
    times = [(total.latency_s, total.low_latency_s, total.high_latency_s) for total in totals]
    ends = drawn._ends(counts, Scenario())
    np.testing.assert_allclose(ends[:, :-1], energies, rtol=1e-3)
    np.testing.assert_allclose(ends[:, -1], times, rtol=1e-3)
