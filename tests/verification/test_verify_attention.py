"""``ep.verify`` on attention: pairs of events by hand, what cannot be checked, and what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Dense

# Pairs of QK^T by query, then key: 1 + 1 + 0 + 2, and 1 + 0 + 0 + 1.
QUERY = np.array([[[1, 0, 2], [0, 0, 3]]], np.float32)
# Values that are not zero: 2 + 1 + 0 + 3.
VALUE = np.array([[[0, 1, 1], [2, 0, 0], [0, 0, 0], [1, 1, 1]]], np.float32)
DATA = {"query": QUERY, "value": VALUE}
SCORES, OF_SCORES, OF_VALUES = 2 * 4, 4 + 2, 2 * 6
DENSE = 2 * 4 * 3
SELDOM = ("events", "parameters")


@pytest.fixture
def attending(package):
    """``attending(layer, *arguments, **options)``: a model of one attention layer."""

    def attending(layer, heads: bool = True, **options):
        read = [package.Input((2, 3), name="query"), package.Input((4, 3), name="value")]
        made = layer(*read, **options) if heads else layer(read, **options)
        return package.Model(read, made, name="net")

    return attending


@pytest.fixture
def counted(quantities):
    """``counted(model, data)``: synops and operations of the layer ``it``, by brute force and as recorded."""

    def counted(model, data=DATA) -> dict[str, int]:
        found = ep.verify(model, data)
        assert found.unchecked == {}
        return {name: n for name, n in quantities(found, "it").items() if name not in SELDOM}

    return counted


def as_it_is(model) -> None:
    """Have the projections of every head hand on what they read, and the last one add the heads up."""
    for weight in model.weights:
        value = np.zeros(weight.shape)
        if value.ndim == 3:
            heads_between = value.shape[0] == value.shape[2] == 3
            value += np.eye(3)[:, None] if heads_between else np.eye(3)
        weight.assign(value)


def synops(dense: int, events: int) -> dict[str, int]:
    return {"dense_synops": dense, "event_synops": events, "effective_synops": events}


def test_heads_by_hand(package, attending, counted) -> None:
    model = attending(package.layers.MultiHeadAttention(2, 3, name="it"))
    as_it_is(model)
    # For each head: a scale and 3 operations of the softmax for each score.
    expected = synops(2 * 2 * DENSE, 2 * (OF_SCORES + OF_VALUES)) | {"elementwise_ops": 2 * SCORES * (1 + 3)}
    assert counted(model) == expected


def test_heads_that_see_no_later_key(package, attending, counted) -> None:
    model = attending(package.layers.MultiHeadAttention(2, 3, name="it"), use_causal_mask=True)
    as_it_is(model)
    # The first query reads 2 values that are not zero, the second 2 + 1. A mask is one more operation.
    expected = synops(2 * 2 * DENSE, 2 * (OF_SCORES + 2 + 3)) | {"elementwise_ops": 2 * SCORES * (1 + 1 + 3)}
    assert counted(model) == expected


@pytest.mark.parametrize("package", ["keras"], indirect=True)
def test_queries_in_groups_by_hand(package, attending, counted) -> None:
    model = attending(package.layers.GroupQueryAttention(3, 4, 2, use_gate=True, name="it"))
    as_it_is(model)
    # 4 heads of queries share 2 of keys; a gate for each of 2 x 4 x 3 elements of what they give.
    expected = synops(4 * 2 * DENSE, 4 * (OF_SCORES + OF_VALUES))
    assert counted(model) == expected | {"elementwise_ops": 4 * SCORES * (1 + 3) + 2 * 4 * 3}


@pytest.mark.parametrize("scaled", [False, True])
def test_attention_without_heads_by_hand(package, attending, counted, scaled: bool) -> None:
    model = attending(package.layers.Attention(use_scale=scaled, name="it"), heads=False)
    expected = synops(2 * DENSE, OF_SCORES + OF_VALUES) | {"elementwise_ops": SCORES * (3 + scaled)}
    assert counted(model) == expected


@pytest.mark.parametrize("scaled", [False, True])
def test_additive_attention_by_hand(package, attending, counted, scaled: bool) -> None:
    layers = package.layers
    # For each score and each of 3 features a sum, a tanh, a sum, and a scale.
    of_features = SCORES * 3 * (3 + scaled)
    expected = synops(DENSE, OF_VALUES)
    model = attending(layers.AdditiveAttention(use_scale=scaled, name="it"), heads=False)
    assert counted(model) == expected | {"elementwise_ops": of_features + SCORES * 3}
    model = attending(layers.Attention(use_scale=scaled, score_mode="concat", name="it"), heads=False)
    assert counted(model) == expected | {"elementwise_ops": of_features + SCORES * (1 + 3)}


def test_masks_that_come_with_words(package, counted) -> None:
    layers = package.layers
    query, words = package.Input((2, 3), name="query"), package.Input((4,), name="words", dtype="int32")
    value = layers.Embedding(5, 3, mask_zero=True, name="table")(words)
    models = [
        package.Model([query, words], layers.MultiHeadAttention(1, 3, name="it")(query, value)),
        package.Model([query, words], layers.Attention(name="it")([query, value])),
    ]
    data = {"query": np.ones_like(QUERY), "words": np.array([[3, 4, 0, 0]])}
    for model, scaled in zip(models, (1, 0), strict=True):
        for weight in model.weights:
            weight.assign(np.ones(weight.shape))
        found = ep.verify(model, data)
        numbers = {check.quantity: check.brute_force for check in found.checks if check.layer == "it"}
        # Nothing read is zero, and each of 2 queries has 2 probabilities of 4.
        assert numbers["event_synops"] == DENSE + 2 * 2 * 3
        assert numbers["elementwise_ops"] == SCORES * (scaled + 1 + 3)


def test_heads_that_cannot_be_checked(package, attending) -> None:
    layers = package.layers
    read = package.Input((2, 4, 3), name="read")
    along = layers.MultiHeadAttention(1, 3, attention_axes=(2,), name="it")(read, read)
    found = ep.verify(package.Model(read, along), np.ones((1, 2, 4, 3), np.float32))
    assert found.unchecked == {"it": "it attends along some of its axes only"}

    nothing = np.zeros((1, 2, 4), bool)
    found = ep.verify(attending(layers.MultiHeadAttention(1, 3, name="it"), attention_mask=nothing), DATA)
    # Keras 2 has it attend to all keys alike.
    unchecked = {"it": "its masks leave a query nothing to attend to"}
    assert found.unchecked == (unchecked if package.__name__ == "keras" else {})


@pytest.mark.parametrize(
    "name", ["MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention"]
)
def test_a_wrong_count_is_found(package, attending, name: str) -> None:
    kind = getattr(package.layers, name, None)
    if kind is None:
        pytest.skip("not of this Keras")
    heads = {"MultiHeadAttention": (2, 3), "GroupQueryAttention": (3, 2, 1)}.get(name, ())
    model = attending(kind(*heads, name="it"), heads=bool(heads))
    # As if there were a fifth key, and no values.
    wrong = {kind: lambda call: Dense(inputs=3, units=5, positions=2)}
    with pytest.raises(ep.VerificationError, match="dense_synops of it: recorded 30, by brute force"):
        ep.verify(model, DATA, layers=wrong)
