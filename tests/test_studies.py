"""The studies, trained for a moment: what the networks forecast, and what is recorded of them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import energyprobe as ep

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def study():
    pytest.importorskip("statsmodels", reason="the sunspot series is statsmodels'")
    spec = importlib.util.spec_from_file_location("forecasting_study", EXAMPLES / "forecasting_study.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_last_sixty_years_are_not_trained_on(study) -> None:
    x, x_test, y, y_test = study.load()
    assert (len(x), len(x_test)) == (309 - 24 - 60, 60)
    # The year after the first test window is the year that follows the last one to train on.
    np.testing.assert_array_equal(x_test[0, -1], y[-1])
    np.testing.assert_array_equal(x_test[1:, -1], y_test[:-1])


@pytest.mark.filterwarnings("ignore:No GPU support detected:UserWarning")
def test_an_ensemble_forecasts_better_than_the_mean_and_is_recorded(study) -> None:
    x, x_test, y, y_test = study.load()
    forecasts, trace = study.nef(x, y, x_test)
    assert np.sqrt(np.mean((forecasts - y_test) ** 2)) < y_test.std() / 2
    updates = ep.counts(trace).neuron_updates.sum()
    assert updates == study.NEF_NEURONS * study.NEF_TIMESTEPS * len(x_test)


def test_the_spiking_network_pays_for_its_timesteps(study) -> None:
    x, x_test, y, _ = study.load()
    shown = [np.repeat(each[:, np.newaxis], study.SPIKING_TIMESTEPS, axis=1) for each in (x, x_test)]
    _, trace = study.train_and_record(study.snn(), shown[0], y, shown[1], epochs=1)
    counts = ep.counts(trace).set_index("layer")
    # 24 years to 64 neurons, in each of 16 timesteps.
    assert counts.dense_synops["hidden"] == 24 * 64 * 16 * len(x_test)
    assert counts.neuron_updates["spikes"] == 64 * 16 * len(x_test)


@pytest.mark.filterwarnings("ignore:No GPU support detected:UserWarning")
def test_the_notebook_runs(study, monkeypatch, capsys) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    monkeypatch.setitem(sys.modules, "forecasting_study", study)
    monkeypatch.setattr(study, "EPOCHS", dict.fromkeys(study.EPOCHS, 1))
    cells = json.loads((EXAMPLES / "forecasting_study.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    pyplot.close("all")
    assert names["comparison"].models == ("lstm", "cnn", "snn", "nef")
    assert "loihi: no verdict: it takes spikes" in capsys.readouterr().out
