"""A model's inputs: their names, and their shapes where the model declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from energyprobe.frontends.keras.frames import Frame

Shape = tuple[int | None, ...]


def input_names(roots: list[Frame], producers: dict[int, Frame]) -> dict[int, str]:
    """Names of the inputs by the identity of their tensors.

    Parameters
    ----------
    roots : list of Frame
        The outermost calls of a step; a model's own step may call several models.
    producers : dict of int to Frame
        What made a tensor; what one model hands to the next is no input.

    Returns
    -------
    dict of int to str
    """
    named = {
        id(tensor): name for root in roots for tensor, name in zip(root.inputs, _names(root), strict=True)
    }
    return {key: name for key, name in named.items() if key not in producers}


def declare_shapes(frame: Frame) -> list[tuple[Any, Shape]]:
    """Let the inputs of a traced model have the shapes that its ``Input`` s declare.

    Data from generators have no known shapes in Keras 2, and without shapes there are no exact counts.

    Parameters
    ----------
    frame : Frame
        A call of a model, or of a layer, which declares nothing; before it runs.

    Returns
    -------
    list of (tensor, tuple)
        The inputs that had no known shape, and what they were declared to be: to be checked while it runs.
    """
    declared = {_name(each): tuple(each.shape) for each in _declared(frame)}
    guessed = []
    for tensor, name in zip(frame.inputs, _names(frame), strict=True):
        shape = declared.get(name, ())
        known = tensor.shape
        if known.rank == len(shape) > 1 and known.is_compatible_with(shape) and None in known[1:]:
            tensor.set_shape((None, *shape[1:]))
            guessed.append((tensor, shape))
    return guessed


def _declared(root: Frame) -> list[Any]:
    # A subclassed model has none.
    return list(getattr(root.layer, "inputs", None) or [])


def _names(root: Frame) -> list[str]:
    names = [_name(each) for each in _declared(root)]
    if root.arguments and isinstance(root.arguments[0], dict):
        names = sorted(root.arguments[0])
    if len(names) != len(root.inputs):
        names = [f"input_{number}" if number else "input" for number in range(len(root.inputs))]
    return names


def _name(tensor: Any) -> str:
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    return str(getattr(layer, "name", None) or tensor.name)
