"""Make NengoDL 3.6.0 and KerasSpiking 0.3.0 importable on TensorFlow 2.12 to 2.21.

NengoDL looks up four names of Keras 2, all in its module ``nengo_dl.compat``, where TensorFlow 2.12 had
them and later versions do not. A finder loads that one module with an import function of its own, which
answers for these names; nothing that another module imports, ``import keras`` among it, is touched.
Nothing is imported before somebody imports NengoDL or KerasSpiking.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from typing import Any

from energyprobe.errors import MissingDependencyError

INSTALL = "pip install 'energyprobe[nengo]'"
LEGACY = "TF_USE_LEGACY_KERAS"
ON_KERAS_2 = ("nengo_dl", "keras_spiking")


def install() -> None:
    """Put the finder in place, and let ``tf.keras`` be Keras 2 if it is not loaded yet.

    Raises
    ------
    MissingDependencyError
        If ``tf.keras`` has already become Keras 3 in this process.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    if _installed("nengo_dl") and _installed("tensorflow") and _tf_keras_problem() is None:
        _prefer_keras_2()
        if "tensorflow" in sys.modules:
            _legacy_keras_root()


def ensure_nengo_dl() -> None:
    """Import NengoDL.

    Raises
    ------
    MissingDependencyError
        If a package is missing, if TensorFlow and tf_keras are of different minor versions, or if
        ``tf.keras`` has already become Keras 3 in this process.
    """
    missing = [name for name in ("tensorflow", "nengo_dl") if not _installed(name)]
    if missing:
        raise MissingDependencyError(
            f"NengoProbe needs {' and '.join(missing)}, not installed here: {INSTALL} "
            "(on Python 3.12 NengoDL takes two commands, see the README)"
        )
    install()
    importlib.import_module("nengo_dl")


class _Finder:
    """Checks for Keras 2 before packages that need it, and finds ``nengo_dl.compat``."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder.find_spec`."""
        if name in ON_KERAS_2 and _installed("tensorflow"):
            problem = _tf_keras_problem()
            if problem is not None:
                raise MissingDependencyError(problem)
            _prefer_keras_2()
            _legacy_keras_root()
        if name != "nengo_dl.compat" or _legacy_keras_root() == "keras":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _CompatLoader(name, spec.origin)
        return spec


class _CompatLoader(SourceFileLoader):
    """Loads ``nengo_dl.compat`` with the names of Keras 2.12 that it asks for."""

    def exec_module(self, module: types.ModuleType) -> None:
        """See `importlib.abc.Loader.exec_module`."""
        moved = _moved_modules(_legacy_keras_root())

        def import_moved(name: str, *args: Any, **kwargs: Any) -> Any:
            return moved[name] if name in moved else builtins.__import__(name, *args, **kwargs)

        # The import statement calls the __import__ that it finds in the __builtins__ of its own module.
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_moved}
        super().exec_module(module)


def _moved_modules(root: str) -> dict[str, Any]:
    """Stand in for the modules of Keras 2.12 that have moved."""
    normalization = f"{root}.layers.normalization"
    first = importlib.import_module(f"{normalization}.batch_normalization_v1")
    second = importlib.import_module(f"{normalization}.batch_normalization")
    layers = types.SimpleNamespace(
        BatchNormalizationV1=first.BatchNormalization, BatchNormalizationV2=second.BatchNormalization
    )
    return {
        "keras.engine.functional": importlib.import_module(f"{root}.engine.functional"),
        "keras.layers": layers,
    }


def _prefer_keras_2() -> None:
    """Let ``tf.keras`` be tf_keras from TensorFlow 2.16 on, where it would be Keras 3."""
    if _minor(importlib.metadata.version("tensorflow")) < (2, 16):
        return
    # Read when an attribute of tf.keras is first looked up, and never again.
    os.environ.setdefault(LEGACY, "1")
    if "tensorflow" in sys.modules:
        _import_keras_2(sys.modules["tensorflow"])


def _import_keras_2(tf: Any) -> None:
    """Let ``import tensorflow.keras`` find tf_keras, too, in a TensorFlow that was imported before.

    TensorFlow reads the setting a first time when it is imported, for the folders of its submodules.
    """
    from tensorflow.python.tools import module_util

    folder = module_util.get_parent_dir_for_name("tf_keras.api._v2.keras")
    if folder is not None and tf.__path__[0] != folder:
        tf.__path__ = [folder, *tf.__path__]


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
        version, setting = importlib.metadata.version("keras"), os.environ.get(LEGACY)
        raise MissingDependencyError(
            f"NengoDL runs on Keras 2, and tf.keras is already Keras {version} in this process "
            f"({LEGACY}={setting!r}). It cannot be changed any more: start Python anew, and import "
            f"energyprobe.frontends.nengo before anything uses tf.keras, or set {LEGACY}=1"
        )
    return root


def _tf_keras_problem() -> str | None:
    """Say what is wrong with the tf_keras from which TensorFlow 2.16 and later take Keras 2, if anything."""
    tensorflow = importlib.metadata.version("tensorflow")
    if _minor(tensorflow) < (2, 16):
        return None
    remedy = "pip install 'tf_keras~={}.{}.0'".format(*_minor(tensorflow))
    if not _installed("tf_keras"):
        return f"NengoDL runs on Keras 2, which TensorFlow {tensorflow} takes from tf_keras: {remedy}"
    found = importlib.metadata.version("tf_keras")
    if _minor(found) != _minor(tensorflow):
        return f"TensorFlow {tensorflow} needs tf_keras of its own minor version, found {found}: {remedy}"
    return None


def _installed(name: str) -> bool:
    return name in sys.modules or PathFinder.find_spec(name) is not None


def _minor(version: str) -> tuple[int, int]:
    """Give ``(2, 21)`` for ``"2.21.0"``."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
