"""Which call, or which input of the model, a tensor comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame, RawOp
from energyprobe.frontends.keras.planned import Link
from energyprobe.frontends.keras.rules.raw import MOVING


def links(capture: Capture, frames: list[Frame], names: Mapping[int, str]) -> list[Link]:
    """What a call reads, each once; `frames` are the same call in timesteps that ran one after the other."""
    found: dict[int | str, Link] = {}
    for frame in frames:
        for tensor in frame.inputs:
            for link in makers(capture, tensor, names) or _outside(capture, frame, names):
                if not any(link is each for each in frames):
                    found[link if isinstance(link, str) else id(link)] = link
    return list(found.values())


def makers(capture: Capture, tensor: Any, names: Mapping[int, str]) -> list[Link]:
    """The calls, and the inputs of the model, that a tensor was put together from."""
    found: list[Link] = []
    seen = set()
    waiting = [tensor]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        frame = capture.producers.get(id(each))
        op = capture.makers.get(id(each))
        if id(each) in names:
            found.append(f"input:{names[id(each)]}")
        elif frame is not None:
            found.append(frame)
        elif op is not None and op.frame is not None and _counts(op, op.frame):
            found.append(op.frame)
        else:
            waiting += capture.parents(each)
    return found


def _counts(op: RawOp, frame: Frame) -> bool:
    """Whether an operation is one of a call that counts its raw operations."""
    return bool(frame.rule.open and not frame.rule.loops and op.type not in MOVING)


def _outside(capture: Capture, frame: Frame, names: Mapping[int, str]) -> list[Link]:
    """Within a loop, what the loop reads, for what is not known inside its body."""
    loop = next((outer for outer in frame.ancestors() if outer.graph is capture.graph), None)
    if frame.graph is capture.graph or loop is None or not loop.inputs:
        return []
    return makers(capture, loop.inputs[0], names)
