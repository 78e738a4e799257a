"""Which call, or which input of the model, a tensor comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprobe.frontends.keras.capture import Capture, Frame
from energyprobe.frontends.keras.planned import Link
from energyprobe.frontends.keras.rules.raw import MOVING


def links(capture: Capture, frames: list[Frame], names: Mapping[int, str]) -> list[Link]:
    """What a call reads, each once; `frames` are the same call in timesteps that ran one after the other."""
    found: dict[int | str, Link] = {}
    for frame in frames:
        for tensor in frame.inputs:
            link = _from_outside(capture, maker(capture, tensor, names), frame, names)
            if not any(link is each for each in frames):
                found[link if isinstance(link, str) else id(link)] = link
    known = [link for link in found.values() if link != "unknown"]
    return known or list(found.values())


def maker(capture: Capture, tensor: Any, names: Mapping[int, str]) -> Link:
    """The call, or the model input, that a tensor comes from."""
    seen = set()
    waiting = [tensor]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if id(each) in names:
            return f"input:{names[id(each)]}"
        frame = capture.producers.get(id(each))
        if frame is not None:
            return frame
        op = capture.makers.get(id(each))
        if op is not None and op.frame is not None and op.frame.rule.open and op.type not in MOVING:
            if not op.frame.rule.loops:
                return op.frame
        waiting += capture.parents(each)
    return "unknown"


def _from_outside(capture: Capture, link: Link, frame: Frame, names: Mapping[int, str]) -> Link:
    """Within a loop, what it reads instead of what is unknown inside its body."""
    if link != "unknown" or frame.graph is capture.graph:
        return link
    loop = next((outer for outer in frame.ancestors() if outer.graph is capture.graph), None)
    return link if loop is None or not loop.inputs else maker(capture, loop.inputs[0], names)
