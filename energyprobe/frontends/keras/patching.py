"""What is put into Keras and TensorFlow while a step is captured: for the thread that runs the step only."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from energyprobe.frontends.keras.framework import Framework

_local = threading.local()
_patch_lock = threading.Lock()
_patched: dict[type, tuple[Callable[..., Any], int]] = {}
_reporting_ops = 0


@contextlib.contextmanager
def calls_reported(framework: Framework, capture: Any) -> Iterator[None]:
    """Have every call of a layer in this thread go through ``capture.run``."""
    outer = reported_to()
    _local.capture = capture
    _patch(framework)
    try:
        yield
    finally:
        _unpatch(framework)
        _local.capture = outer


@contextlib.contextmanager
def ops_reported(callback: Callable[..., None]) -> Iterator[None]:
    """Have TensorFlow tell of every operation that this thread creates or runs."""
    from tensorflow.python.eager import context

    here = context.context()
    _report_ops(1)
    here.add_op_callback(callback)
    try:
        yield
    finally:
        here.remove_op_callback(callback)
        _report_ops(-1)


def _report_ops(more: int) -> None:
    """Switch TensorFlow's slow way of running an operation to the one that tells of it.

    TensorFlow's own ``remove_op_callback`` switches it back for all threads, while others still need it.
    """
    global _reporting_ops
    from tensorflow.python.eager import execute

    with _patch_lock:
        _reporting_ops += more
        execute.execute = execute.execute_with_callbacks if _reporting_ops else execute.quick_execute


def reported_to() -> Any:
    """The capture that the calls of this thread go through; None if there is none."""
    return getattr(_local, "capture", None)


def _patch(framework: Framework) -> None:
    cls: Any
    with _patch_lock:
        for cls in framework.callable_classes:
            original, users = _patched.get(cls, (cls.__dict__["__call__"], 0))
            if users == 0:
                cls.__call__ = _reporting(original, framework, cls)
            _patched[cls] = (original, users + 1)


def _unpatch(framework: Framework) -> None:
    cls: Any
    with _patch_lock:
        for cls in framework.callable_classes:
            original, users = _patched[cls]
            if users == 1:
                cls.__call__ = original
                del _patched[cls]
            else:
                _patched[cls] = (original, users - 1)


def _reporting(original: Callable[..., Any], framework: Framework, cls: type) -> Callable[..., Any]:
    @functools.wraps(original)
    def __call__(layer: Any, *args: Any, **kwargs: Any) -> Any:
        capture = reported_to()
        # A Keras 3 layer is an operation too: its Layer.__call__ has reported already.
        is_base = cls is not framework.layer_class and isinstance(layer, framework.layer_class)
        if capture is None or is_base or _is_symbolic(framework, args, kwargs):
            return original(layer, *args, **kwargs)
        return capture.run(original, layer, args, kwargs)

    return __call__


def _is_symbolic(framework: Framework, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    keras_tensor = framework.keras.KerasTensor if framework.generation >= 3 else ()
    return any(isinstance(each, keras_tensor) for each in framework.tf.nest.flatten((args, kwargs)))
