"""Edges of the histograms that traces hold: fixed, so that histograms of any two traces add up."""

from __future__ import annotations

import numpy as np

MAGNITUDE_EDGES: np.ndarray = np.exp2(np.arange(-160, 129) / 8)
"""Edges for absolute values: 8 bins an octave from 2**-20 to 2**16. The first bin also holds what is
smaller, the last what is larger, so 288 bins in all."""

RATE_EDGES: np.ndarray = np.concatenate([[0.0], np.power(10.0, np.arange(-50, 1) / 10), [np.inf]])
"""Edges for events per neuron, timestep and sample: bin 0 holds the neurons below 1e-5 (those that
never fired among them), then 10 bins a decade, and the last bin holds exactly 1."""
