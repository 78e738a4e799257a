"""Figures within the structs and tables of a device, replaced by name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from energyprobe.costing.figures import Figure


def replaced(node: object, values: Mapping[str, float], name: str = "") -> object:
    """Replace figures by the same at other values.

    Parameters
    ----------
    node : object
        A figure, or a struct or table that holds figures, structs and tables.
    values : mapping of str to float
        Values in base units, by the path of fields and keys to the figure, with dots.
    name : str
        Path of the node.

    Returns
    -------
    object
        The node with those figures replaced; anything else as it is.
    """
    if isinstance(node, Figure):
        return node.at(values[name]) if name in values else node
    if isinstance(node, dict):
        return {key: replaced(each, values, _joined(name, key)) for key, each in node.items()}
    if isinstance(node, msgspec.Struct):
        fields = {key: getattr(node, key) for key in node.__struct_fields__}
        changed = {key: replaced(each, values, _joined(name, key)) for key, each in fields.items()}
        return msgspec.structs.replace(node, **changed)
    return node


def _joined(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
