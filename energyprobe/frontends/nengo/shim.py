"""Make NengoDL 3.6.0 and KerasSpiking 0.3.0 importable on TensorFlow 2.12 to 2.21.

NengoDL looks up four names of Keras 2, all in its module ``nengo_dl.compat``, where TensorFlow 2.12 had
them and later versions do not. That one module is loaded with an import function of its own, which
answers for these four names; nothing that another module imports, ``import keras`` among it, is touched.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

from energyprobe.errors import MissingDependencyError

INSTALL = "pip install 'energyprobe[nengo]'"
LEGACY = "TF_USE_LEGACY_KERAS"


def ensure_nengo_dl() -> None:
    """Import NengoDL, on whatever TensorFlow from 2.12 on.

    Raises
    ------
    MissingDependencyError
        If a package is missing, if TensorFlow and tf_keras are of different minor versions, or if
        ``tf.keras`` has already become Keras 3 in this process.
    """
    if "nengo_dl" in sys.modules:
        return
    _require("tensorflow", "nengo_dl")
    _choose_legacy_keras()
    keras_root = _legacy_keras_root()
    if keras_root != "keras":
        _preload_compat(keras_root)
    importlib.import_module("nengo_dl")


def _require(*modules: str) -> None:
    """Raise unless all of these are installed."""
    missing = [name for name in modules if name not in sys.modules and importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"NengoProbe needs {' and '.join(missing)}, not installed here: {INSTALL} "
            "(on Python 3.12 NengoDL needs two commands, see the README)"
        )


def _choose_legacy_keras() -> None:
    """Let ``tf.keras`` be Keras 2 where TensorFlow would make it Keras 3 (from 2.16 on)."""
    version = importlib.metadata.version("tensorflow")
    if _minor(version) < (2, 16):
        return
    if importlib.util.find_spec("tf_keras") is None:
        raise MissingDependencyError(
            f"NengoDL runs on Keras 2, which TensorFlow {version} takes from tf_keras, not installed here: "
            f"pip install 'tf_keras~={_dotted(version)}.0'"
        )
    tf_keras = importlib.metadata.version("tf_keras")
    if _minor(tf_keras) != _minor(version):
        raise MissingDependencyError(
            f"TensorFlow {version} needs tf_keras of the same minor version, found tf_keras {tf_keras}: "
            f"pip install 'tf_keras~={_dotted(version)}.0'"
        )
    # Read by TensorFlow when an attribute of tf.keras is first looked up, and never again.
    os.environ.setdefault(LEGACY, "1")


def _legacy_keras_root() -> str:
    """Name the package that holds the engine of the Keras behind ``tf.keras``.

    Returns
    -------
    str
        ``"keras"`` (TensorFlow 2.12), ``"keras.src"`` (2.13 to 2.15) or ``"tf_keras.src"``.
    """
    import tensorflow as tf

    root, dot, _ = tf.keras.Model.__module__.partition(".engine.")
    if not dot:
        raise MissingDependencyError(
            f"NengoDL runs on Keras 2, and tf.keras is already Keras {importlib.metadata.version('keras')} in "
            f"this process ({LEGACY}={os.environ.get(LEGACY)!r}). It cannot be changed any more: start Python anew, and "
            f"import energyprobe.frontends.nengo before anything uses tf.keras, or set {LEGACY}=1"
        )
    return root


def _preload_compat(keras_root: str) -> None:
    """Load ``nengo_dl.compat``, alone, with the names of Keras 2.12 that it asks for."""
    normalization = f"{keras_root}.layers.normalization"
    functional = importlib.import_module(f"{keras_root}.engine.functional")
    first = importlib.import_module(f"{normalization}.batch_normalization_v1")
    second = importlib.import_module(f"{normalization}.batch_normalization")
    layers = types.SimpleNamespace(
        BatchNormalizationV1=first.BatchNormalization, BatchNormalizationV2=second.BatchNormalization
    )
    moved = {"keras.engine.functional": functional, "keras.layers": layers}

    def import_moved(name: str, *args: Any, **kwargs: Any) -> Any:
        return moved[name] if name in moved else builtins.__import__(name, *args, **kwargs)

    package = importlib.util.find_spec("nengo_dl")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "compat.py"
    spec = importlib.util.spec_from_file_location("nengo_dl.compat", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The import statement calls the __import__ found in the __builtins__ of its own module.
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_moved}
    sys.modules["nengo_dl.compat"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["nengo_dl.compat"]
        raise


def _minor(version: str) -> tuple[int, int]:
    """Give ``(2, 21)`` for ``"2.21.0"``."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _dotted(version: str) -> str:
    """Give ``"2.21"`` for ``"2.21.0"``."""
    return ".".join(map(str, _minor(version)))
