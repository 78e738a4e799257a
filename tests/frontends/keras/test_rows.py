"""Sums by row of tensors that hold whole numbers of spikes, against NumPy: in few passes, or from a mask."""

from __future__ import annotations

import numpy as np
import pytest

from energyprobe.frontends.keras.observation import Observation, Weighting
from energyprobe.frontends.keras.rows import row_sums

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.oldest
ROWS, PLACES = 6, 35


def some(random, share, most=1, places=PLACES):
    return (random.rand(ROWS, places) < share) * random.randint(1, most + 1, (ROWS, places))


def strange(value):
    spikes = some(np.random.RandomState(0), 0.3).astype("float64")
    spikes[2, 5] = value
    return spikes


CASES = {
    "none": np.zeros((ROWS, PLACES)),
    "all": np.ones((ROWS, PLACES)),
    "single": some(np.random.RandomState(1), 0.2),
    "several": some(np.random.RandomState(2), 0.6, most=4),
    "of either sign": some(np.random.RandomState(3), 0.5) * np.resize([1, -1, 1], (ROWS, PLACES)),
    "negative": -some(np.random.RandomState(4), 0.5, most=2),
    "not a number": strange(np.nan),
    "infinite": strange(np.inf),
    "minus infinite": strange(-np.inf),
    # More than the rounding of float32 leaves room for.
    "very many": some(np.random.RandomState(5), 0.9, places=9001),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("amplitude", [1.0, 1000.0, 1 / 0.003, 1e-3])
@pytest.mark.parametrize("case", CASES)
def test_against_numpy(case, amplitude, whole):
    spikes = CASES[case]
    places = spikes.shape[1]
    x = tf.constant((spikes * amplitude).astype("float32"))
    observation = Observation(x, amplitude=amplitude, whole=whole)
    fanouts = np.resize([3, 1, 7, 2], places)
    observation.weight(Weighting(fanouts.astype("float32"), (places,), 7))
    rows, fired = (None if each is None else each.numpy() for each in row_sums(tf, observation))
    finite = np.isfinite(spikes)
    events, counts = spikes != 0, np.abs(np.where(finite, spikes, 0))
    expected = [events.sum(1), events @ fanouts, counts.sum(1), counts @ fanouts, (~finite).sum(1)]
    assert rows.tolist() == np.stack(expected, 1).tolist()
    assert (fired is None) == (not whole)
    assert fired is None or fired.tolist() == events.any(0).tolist()


def test_half_precision_is_too_coarse():
    x = tf.constant([[0.0, 1000.0, 2000.0]], tf.float16)
    rows, fired = row_sums(tf, Observation(x, amplitude=1000.0, whole=True))
    assert rows.numpy().tolist() == [[2, 3, 0]]
    assert fired is None
