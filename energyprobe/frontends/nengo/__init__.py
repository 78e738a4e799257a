"""Attaching to NengoDL. Importing this makes ``import nengo_dl`` work on TensorFlow 2.12 to 2.21."""

from __future__ import annotations

from energyprobe.frontends.nengo.shim import install

install()
