"""Break-even of spiking networks with conventional ones of as many bits, by hand."""

import math

import pytest

from energyprobe.costing.bitmatched import Energies, break_even_rate, matched_bits, rate_bounds
from energyprobe.errors import ScenarioError


@pytest.mark.parametrize("timesteps", range(1, 40))
def test_bits_tell_as_many_values_apart(timesteps):
    assert matched_bits(timesteps) == math.ceil(math.log2(timesteps + 1))


def test_by_hand():
    energies = Energies(mac=7, ac=2, weight=5, update=11, spike=3, activation=1)
    # Conventional: 0.6 * 13 * (7 + 5 + 1) = 101.4; spiking: s * 4 * 13 * 10 + 4 * 11.
    rate = break_even_rate(4, inputs=13, zeros=0.4, energies=energies)
    assert rate == pytest.approx((101.4 - 44) / 520)
    assert 4 * rate * 13 * 10 + 44 == pytest.approx(101.4)


def test_arithmetic_alone_gives_the_ratio_of_a_mac_to_an_accumulate():
    # T s = k (1 - g), whatever the number of inputs.
    energies = Energies(mac=6, ac=1)
    rates = [break_even_rate(30, inputs=n, zeros=0.5, energies=energies) for n in (1, 4096)]
    assert rates == pytest.approx([6 * 0.5 / 30] * 2)


def test_more_timesteps_need_fewer_spikes():
    energies = Energies(mac=6, ac=1, weight=2, update=1)
    rates = [break_even_rate(steps, inputs=99, zeros=0.5, energies=energies) for steps in (4, 8, 16, 32)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4


def test_rates_that_cannot_be():
    energies = Energies(mac=1, ac=1, update=100)
    assert break_even_rate(5, inputs=3, zeros=0.0, energies=energies) == 0
    assert break_even_rate(1, inputs=3, zeros=0.0, energies=Energies(mac=50, ac=1)) == 1


def test_bounds_of_the_rate():
    assert rate_bounds(5, 0.4) == pytest.approx((0.12, 0.6))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"timesteps": 0}, "timesteps must be at least 1, got 0"),
        ({"inputs": 0}, "inputs must be at least 1, got 0"),
        ({"zeros": 1.1}, "zeros must be a fraction, got 1.1"),
        ({"zeros": math.nan}, "zeros must be a fraction, got nan"),
    ],
)
def test_impossible(given, message):
    with pytest.raises(ScenarioError, match=message):
        break_even_rate(
            **{"timesteps": 5, "inputs": 3, "zeros": 0.5, "energies": Energies(mac=1, ac=1)} | given
        )


def test_impossible_bounds():
    with pytest.raises(ScenarioError, match="zeros must be a fraction, got -1"):
        rate_bounds(5, -1)


def test_impossible_energies():
    with pytest.raises(ScenarioError, match="weight: expected a finite energy of at least 0, got -1"):
        Energies(mac=1, ac=1, weight=-1)
    with pytest.raises(ScenarioError, match="ac, weight and spike are all 0"):
        Energies(mac=1, ac=0)
