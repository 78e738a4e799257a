"""What makes a model the same model: its parts in this process, and its structure and weights anywhere."""

from __future__ import annotations

import hashlib
import weakref
from typing import Any

import numpy as np

_COMPILED = ("compiled_loss", "compiled_metrics", "_compile_loss", "_compile_metrics")


def parts(model: Any, mode: str) -> list[weakref.ref[Any]]:
    """What a traced function of a model was made from; equal lists mean the same objects.

    Parameters
    ----------
    model : keras.Model
        The model.
    mode : {"predict", "test"}
        The function; a test function has losses and metrics in it.

    Returns
    -------
    list of weakref.ref
    """
    found = flat_layers(model)
    if mode == "test":
        found += [vars(model)[name] for name in _COMPILED if vars(model).get(name) is not None]
    return [weakref.ref(each) for each in found]


def fingerprint(model: Any) -> str:
    """Digest of a model's structure (layer types and names, shapes of weights) and weights."""
    digest = hashlib.blake2b(digest_size=16)
    for layer in flat_layers(model):
        digest.update(f"{type(layer).__qualname__} {layer.name}\n".encode())
    for variable in model.weights:
        value = np.ascontiguousarray(variable)
        digest.update(f"{value.shape} {value.dtype}\n".encode())
        digest.update(value.view(np.uint8).data if value.size else b"")
    return digest.hexdigest()


def flat_layers(model: Any) -> list[Any]:
    """Every layer inside a model, at any depth."""
    return list(model._flatten_layers(include_self=False, recursive=True))
