"""How much of a network could not be counted: its share of all output elements, timesteps included."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.reporting.uncounted import missed

pytestmark = pytest.mark.oldest


@pytest.mark.parametrize("steps", [1, 7])
def test_the_share_of_what_is_not_counted_is_of_every_timestep(steps, keras, record):
    inputs = keras.Input((steps, 3))
    hidden = keras.layers.Dense(11, name="hidden")(inputs)
    last = keras.layers.LSTM(5, name="last")(hidden)
    model = keras.Model(inputs, keras.layers.EinsumDense("bi,ij->bj", 2, name="logits")(last))
    x = np.ones((4, steps, 3), "float32")
    trace = record(model, x, layers={keras.layers.Dense: lambda call: call.uncounted("why")})
    (hidden,) = missed(ep.report(trace, "cpu").layers)
    assert hidden.layer == "hidden"
    assert hidden.element_share == pytest.approx(11 * steps / (11 * steps + 5 + 2))
