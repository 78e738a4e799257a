"""Attention by brute force: pairs of events in its products, and the arithmetic on its scores.

A pair of QK^T is one feature of a query and of a key, both not zero; one of AV, a probability and a value.
For the probabilities the layer itself is asked. Pairs are not told apart by the spikes that they carry.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from energyprobe.verification.capture import Seen
from energyprobe.verification.masks import CannotRecount, Counts, product

SOFTMAX = 3
"""The exponential, the sum and the division of a score."""


def heads(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count ``MultiHeadAttention`` or ``GroupQueryAttention``; their projections are layers of their own."""
    given = _arguments(layer, seen)
    query, value = given["query"], given["value"]
    key = value if given["key"] is None else given["key"]
    masked = _masked(layer, given)
    probabilities = _probabilities(layer, given)
    if probabilities.ndim != 2 * np.ndim(query) - 2:
        raise CannotRecount("it attends along some of its axes only")
    if not probabilities.sum(-1).all():
        # Zeros here, equal parts in the fused product that Keras runs when nobody asks.
        raise CannotRecount("its masks leave a query nothing to attend to")
    queries = _by_head(layer._query_dense(query), probabilities)
    keys = _by_head(layer._key_dense(key), probabilities)
    values = _by_head(layer._value_dense(value), probabilities)
    scores = probabilities.reshape(*queries.shape[:3], -1)
    gated = math.prod(scores.shape[:-1]) * values.shape[-1] if hasattr(layer, "_gate_dense") else 0
    return {
        **_pairs((queries, keys.swapaxes(-1, -2)), (scores, values)),
        "elementwise_ops": scores.size * (1 + masked + SOFTMAX) + gated,
        # The projections have them all.
        "parameters": 0,
    }


def _masked(layer: Any, given: dict[str, Any]) -> bool:
    """Whether a layer masks its scores; what it reads has its masks again afterwards."""
    masks = [given["attention_mask"]]
    for name in ("query", "value", "key"):
        tensor, mask = given[name], given.get(f"{name}_mask")
        if mask is not None and tensor is not None:
            # Keras 3 takes it off the tensor while the layer runs.
            tensor._keras_mask = mask
        masks.append(getattr(tensor, "_keras_mask", None))
    limited = given["use_causal_mask"] or layer.get_config().get("sliding_window") is not None
    return limited or any(mask is not None for mask in masks)


def _by_head(projected: Any, probabilities: np.ndarray) -> np.ndarray:
    """Give ``(samples, positions…, heads, features)`` as ``(samples, heads, positions, features)``."""
    tensor = np.asarray(projected)
    samples, *_, own, features = tensor.shape
    by_head = tensor.reshape(samples, -1, own, features).swapaxes(1, 2)
    # Groups of queries share the head of a key.
    return np.repeat(by_head, probabilities.shape[1] // own, axis=1)


def dot(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count ``Attention``."""
    if layer.score_mode == "concat":
        return additive(layer, seen, amplitude)
    query, value, key, scores, masks = _without_heads(layer, seen)
    scaled = layer.scale is not None
    return {
        **_pairs((query, key.swapaxes(-1, -2)), (scores, value)),
        "elementwise_ops": scores.size * (scaled + SOFTMAX) + masks,
    }


def additive(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count ``AdditiveAttention``, whose scores take a sum, a tanh, a scale and a sum for each feature."""
    query, value, _, scores, masks = _without_heads(layer, seen)
    each_feature = query.shape[-1] * (3 + (layer.scale is not None))
    weighted = getattr(layer, "concat_score_weight", None) is not None
    return {
        **_pairs((scores, value)),
        "elementwise_ops": scores.size * (each_feature + weighted + SOFTMAX) + masks,
    }


def _without_heads(layer: Any, seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Query, value, key and probabilities of a layer, and the operations of its masks."""
    given = _arguments(layer, seen)
    query, value, *key = (np.asarray(each) for each in given["inputs"])
    of_query, of_value, *_ = given["mask"] or (None, None)
    scores = _probabilities(layer, given)
    masks = scores.size * (of_value is not None or given["use_causal_mask"])
    masks += seen.output.size * (of_query is not None)
    return query, value, key[0] if key else value, scores, masks


def _arguments(layer: Any, seen: Seen) -> dict[str, Any]:
    """What a call was given, by the names of its parameters."""
    bound = inspect.signature(layer.call).bind(*seen.args, **seen.kwargs)
    bound.apply_defaults()
    return bound.arguments


def _probabilities(layer: Any, given: dict[str, Any]) -> np.ndarray:
    _, probabilities = layer(**given | {"return_attention_scores": True})
    return np.asarray(probabilities)


def _pairs(*products: tuple[np.ndarray, np.ndarray]) -> Counts:
    """Count the pairs of some products: all of them, and those of events."""
    events = sum(product(left != 0, right != 0) for left, right in products)
    return {
        "dense_synops": sum(product(np.ones_like(left), np.ones_like(right)) for left, right in products),
        "event_synops": events,
        "effective_synops": events,
    }
