"""Several threads: what other threads run is not recorded, and nothing of theirs is disturbed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import energyprobe as ep


@pytest.fixture
def data(random):
    return random.randint(-2, 3, (24, 7)).astype("float32")


@pytest.fixture
def network(keras):
    """A model that runs eagerly: its layers are called in Python, batch by batch, in step with others."""

    def build(name, barrier=None):
        class Waiting(keras.layers.Dense):
            def call(self, inputs):
                if self.meets:
                    barrier.wait(timeout=60)
                return super().call(inputs)

        layers = [
            Waiting(5, activation="relu", name=f"{name}_first"),
            keras.layers.Dense(3, name=f"{name}_last"),
        ]
        layers[0].meets = False
        model = keras.Sequential([keras.Input((7,)), *layers], name=name)
        model.compile(run_eagerly=True)
        return model

    return build


@pytest.mark.oldest
@pytest.mark.parametrize("probed", [1, 2])
def test_other_threads_are_not_recorded(keras, network, data, predict, probed):
    """Both models are within a layer at the same time, in every batch."""
    before = vars(keras.layers.Layer)["__call__"]
    barrier = threading.Barrier(2)
    models = [network(name, barrier) for name in ("one", "two")]
    plain = [predict(model, data) for model in models]
    for model in models:
        model.layers[0].meets = True
    probes = [ep.KerasProbe() for _ in range(probed)]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(predict, model, data, *probes[n : n + 1]) for n, model in enumerate(models)]
        outputs = [run.result(timeout=120) for run in runs]
    assert all(map(np.array_equal, outputs, plain))
    assert vars(keras.layers.Layer)["__call__"] is before
    for model, probe in zip(models, probes, strict=False):
        assert probe.trace.samples == 24
        assert [call.key for call in probe.trace.calls] == [f"{model.name}_first", f"{model.name}_last"]
        assert probe.trace.calls[0].steps[0].use.activity.events == (data != 0).sum()


@pytest.mark.oldest
def test_a_probed_run_in_a_thread(network, data, predict):
    model, probe = network("one"), ep.KerasProbe()
    model.compile(jit_compile=False)
    plain = predict(model, data)
    predict(model, data, probe)
    reference = probe.trace
    for _ in range(2):
        with ThreadPoolExecutor(1) as pool:
            assert np.array_equal(pool.submit(predict, model, data, probe).result(), plain)
        assert probe.trace == reference
    assert np.array_equal(predict(model, data), plain)


def test_models_that_are_traced_at_the_same_time(network, data, predict):
    models = [network(f"net{number}") for number in range(4)]
    for model in models:
        model.compile(jit_compile=False)
    plain = [predict(model, data) for model in models]
    probes = [ep.KerasProbe() for _ in models]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(predict, models, [data] * 4, probes))
    assert all(map(np.array_equal, outputs, plain))
    for model, probe in zip(models, probes, strict=True):
        assert {call.layer for call in probe.trace.calls} == {f"{model.name}_first", f"{model.name}_last"}
        assert probe.trace.calls[0].steps[0].use.activity.events == (data != 0).sum()
