"""Attention against NumPy: pairs of events of QK^T and AV, and arithmetic on the scores.

A pair counts where both a query's and a key's feature are not zero; of the values, where a probability and a
value are not zero. Masked scores become probabilities of exactly 0.
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Dense, Product

SAMPLES, QUERIES, KEYS, FEATURES, HEADS, DEPTH = 3, 5, 7, 4, 3, 2


def whole_numbers(random, *shape):
    return random.choice([-1.0, 0.0, 0.0, 1.0], shape).astype("float32")


def nonzero(array):
    return (np.asarray(array) != 0).astype("int64")


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def arithmetic(call):
    """Elementwise operations of a call by their function, over the recording."""
    steps = [step for step in call.steps if hasattr(step.operation, "ops_per_element")]
    return {
        step.operation.function: step.operation.elements * step.operation.ops_per_element * step.executions
        for step in steps
    }


def pairs(call):
    return [step.use.fanout_events for step in call.steps if isinstance(step.operation, Product)]


@pytest.mark.oldest
@pytest.mark.parametrize("case", ["self", "cross", "causal", "masked", "scores", "lengths unknown"])
def test_heads(keras, random, record, case):
    known = case != "lengths unknown"
    query = keras.Input((QUERIES if known else None, FEATURES), name="query")
    crossed = case not in ("self", "causal")
    value = keras.Input((KEYS if known else None, FEATURES), name="value") if crossed else query
    arguments, inputs = {}, [query, value] if crossed else [query]
    if case == "causal":
        arguments["use_causal_mask"] = True
    if case == "masked":
        inputs.append(keras.Input((QUERIES, KEYS), dtype="bool", name="mask"))
        arguments["attention_mask"] = inputs[-1]
    if case == "scores":
        arguments["return_attention_scores"] = True
    layer = keras.layers.MultiHeadAttention(HEADS, DEPTH, name="heads")
    model = keras.Model(inputs, layer(query, value, **arguments))
    model.set_weights([whole_numbers(random, *weight.shape) for weight in model.get_weights()])
    data = [whole_numbers(random, SAMPLES, QUERIES, FEATURES)]
    if crossed:
        data.append(whole_numbers(random, SAMPLES, KEYS, FEATURES))
    if case == "masked":
        data.append(random.rand(SAMPLES, QUERIES, KEYS) < 0.6)
        data[-1][..., 0] = True

    kernels = [np.asarray(weight) for weight in model.get_weights()]
    q, k, v = (
        np.einsum("btf,fnh->btnh", source, kernel) + bias
        for source, kernel, bias in zip(
            (data[0], data[crossed], data[crossed]), kernels[0:6:2], kernels[1:6:2], strict=True
        )
    )
    scores = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(DEPTH)
    if case == "masked":
        scores = np.where(data[2][:, None], scores, -1e9)
    if case == "causal":
        scores = np.where(np.tri(QUERIES, dtype=bool), scores, -1e9)
    probabilities = softmax(scores)
    mixed = np.einsum("bnts,bsnh->btnh", probabilities, v)

    trace = record(model, data, batch_size=2)
    calls = {call.path: call for call in trace.calls}
    own = calls.pop("heads")
    assert sorted(calls) == [f"heads/{name}" for name in ("attention_output", "key", "query", "value")]
    assert pairs(own) == [
        np.einsum("btnh,bsnh->", nonzero(q), nonzero(k)),
        np.einsum("bnts,bsnh->", nonzero(probabilities), nonzero(v)),
    ]
    sources = KEYS if crossed else QUERIES
    if known:
        assert [step.operation for step in own.steps if isinstance(step.operation, Product)] == [
            Product(rows=QUERIES, shared=DEPTH, columns=sources, copies=HEADS),
            Product(rows=QUERIES, shared=sources, columns=DEPTH, copies=HEADS),
        ]
    row = ep.counts(trace).set_index("path").loc["heads"]
    assert row.dense_synops == 2 * SAMPLES * HEADS * QUERIES * sources * DEPTH
    assert row.event_synops == row.effective_synops == sum(pairs(own))
    each = SAMPLES * HEADS * QUERIES * sources
    masked = {"mask": each} if case in ("masked", "causal") else {}
    assert arithmetic(own) == {"scale": each, "softmax": 3 * each, **masked}
    projected = calls["heads/attention_output"].steps[0]
    assert projected.use.activity.elements == mixed.size
    if known:
        assert projected.operation == Dense(inputs=HEADS * DEPTH, units=FEATURES, positions=QUERIES)
    assert projected.executions * projected.operation.positions == SAMPLES * QUERIES
    assert "input:query" in own.inputs
    assert calls["heads/attention_output"].inputs == ("heads",)
    assert own.parameters == 0, "the projections hold them all"


def test_grouped_queries(keras, generation, random, record):
    if generation < 3:
        pytest.skip("Keras 2 has none")
    groups, query_heads = 2, 4
    query = keras.Input((QUERIES, FEATURES), name="query")
    layer = keras.layers.GroupQueryAttention(DEPTH, query_heads, groups, use_gate=True, name="heads")
    model = keras.Model(query, layer(query, query, use_causal_mask=True))
    model.set_weights([whole_numbers(random, *weight.shape) for weight in model.get_weights()])
    x = whole_numbers(random, SAMPLES, QUERIES, FEATURES)
    calls = {call.path: call for call in record(model, x).calls}
    weights = {
        each.path.split("/")[-2:][0]: np.asarray(each) for each in model.weights if "kernel" in each.path
    }
    biases = {each.path.split("/")[-2:][0]: np.asarray(each) for each in model.weights if "bias" in each.path}
    q, k, v = (np.einsum("btf,fnh->btnh", x, weights[n]) + biases[n] for n in ("query", "key", "value"))
    k, v = (np.repeat(each, query_heads // groups, axis=2) for each in (k, v))
    scores = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(DEPTH)
    probabilities = softmax(np.where(np.tri(QUERIES, dtype=bool), scores, -1e9))
    assert pairs(calls["heads"]) == [
        np.einsum("btnh,bsnh->", nonzero(q), nonzero(k)),
        np.einsum("bnts,bsnh->", nonzero(probabilities), nonzero(v)),
    ]
    each = SAMPLES * query_heads * QUERIES * QUERIES
    gated = SAMPLES * QUERIES * query_heads * DEPTH
    expected = {"scale": each, "mask": each, "softmax": 3 * each, "gate": gated}
    assert arithmetic(calls["heads"]) == expected
    assert len(calls) == 1 + 5, "three projections, the gate, and the output"


@pytest.mark.oldest
@pytest.mark.parametrize("mode", ["dot", "scaled", "concat", "scaled concat", "additive", "plain additive"])
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
def test_attention_without_heads(keras, random, record, mode, masked):
    shapes = (QUERIES, FEATURES), (KEYS, FEATURES), (KEYS, FEATURES)
    inputs = [keras.Input(shape, name=name) for shape, name in zip(shapes, "qvk", strict=True)]
    masks = [keras.Input((length,), dtype="bool") for length in (QUERIES, KEYS)] if masked else []
    if "additive" in mode:
        layer = keras.layers.AdditiveAttention(use_scale=mode == "additive", name="layer")
    else:
        concat = "concat" if "concat" in mode else "dot"
        layer = keras.layers.Attention(use_scale="scaled" in mode, score_mode=concat, name="layer")
    given = {"mask": [*masks]} if masked else {}
    model = keras.Model([*inputs, *masks], layer(inputs, **given))
    data = [whole_numbers(random, SAMPLES, *shape) for shape in shapes]
    q, v, k = data
    if masked:
        data += [random.rand(SAMPLES, length) < 0.6 for length in (QUERIES, KEYS)]
        data[-1][:, 0] = True
    (own,) = record(model, data, batch_size=2).calls
    if mode in ("dot", "scaled"):
        scores = np.einsum("btf,bsf->bts", q, k)
    else:
        # The weights are 1, or do not move a score near the next one to a zero.
        scores = np.tanh(q[:, :, None] + k[:, None]).sum(-1)
    if masked:
        scores = np.where(data[-1][:, None], scores, -1e9)
    probabilities = softmax(scores)
    of_values = np.einsum("bts,bsf->", nonzero(probabilities), nonzero(v))
    of_scores = np.einsum("btf,bsf->", nonzero(q), nonzero(k))
    assert pairs(own) == ([of_scores, of_values] if mode in ("dot", "scaled") else [of_values])
    each = SAMPLES * QUERIES * KEYS
    expected = {"softmax": 3 * each}
    if mode not in ("dot", "scaled"):
        expected |= dict.fromkeys(("add", "tanh", "sum"), each * FEATURES)
    if mode in ("scaled", "scaled concat", "additive"):
        expected["scale"] = each * (1 if mode == "scaled" else FEATURES)
    if "concat" in mode:
        expected["weight"] = each
    if masked:
        expected |= {"mask": each, "query_mask": SAMPLES * QUERIES * FEATURES}
    assert arithmetic(own) == expected


@pytest.mark.oldest
def test_attention_of_the_users_own_is_counted_as_it_runs(keras, random, record):
    import tensorflow as tf

    class Mine(keras.layers.Attention):
        def _calculate_scores(self, query, key):
            return 2.0 * tf.nn.relu(tf.matmul(query, key, transpose_b=True))

    inputs = [keras.Input((QUERIES, FEATURES)), keras.Input((KEYS, FEATURES))]
    model = keras.Model(inputs, Mine(name="layer")(inputs))
    q, v = (whole_numbers(random, SAMPLES, length, FEATURES) for length in (QUERIES, KEYS))
    (own,) = record(model, [q, v]).calls
    assert pairs(own)[0] == np.einsum("btf,bsf->", nonzero(q), nonzero(v))
    each = SAMPLES * QUERIES * KEYS
    assert arithmetic(own) == {"relu": each, "mul": each, "softmax": 3 * each}


@pytest.mark.parametrize("axes, normalize", [(1, False), ((2, 1), False), (-1, True)])
def test_dot(keras, random, record, axes, normalize):
    shapes = {1: ((4, 5), (4, 7)), (2, 1): ((5, 4), (4, 7)), -1: ((5, 4), (7, 4))}[axes]
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, keras.layers.Dot(axes, normalize=normalize)(inputs))
    left, right = (whole_numbers(random, SAMPLES, *shape) for shape in shapes)
    equation = {1: "bsr,bsc->", (2, 1): "brs,bsc->", -1: "brs,bcs->"}[axes]
    (own,) = record(model, [left, right], batch_size=2).calls
    assert pairs(own) == [np.einsum(equation, nonzero(left), nonzero(right))]
    (step,) = (step for step in own.steps if isinstance(step.operation, Product))
    assert step.operation == Product(rows=5, shared=4, columns=7)
    assert step.executions == SAMPLES
    assert arithmetic(own) == ({"normalize": 3 * SAMPLES * (4 * 5 + 4 * 7)} if normalize else {})
