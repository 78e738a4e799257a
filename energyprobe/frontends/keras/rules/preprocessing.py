"""Preprocessing layers, as they work at inference: augmentation does nothing, look-ups fetch rows."""

from __future__ import annotations

import math
from collections.abc import Callable

from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import same
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, count
from energyprobe.frontends.keras.rules.moving import free, interpolated
from energyprobe.frontends.keras.rules.normalization import per_element
from energyprobe.trace.operations import Free, Lookup


def resizing(call: Call) -> Steps:
    """``Resizing``: an interpolation of each output element."""
    return interpolated(call, call.layer.interpolation)


def cropping(call: Call) -> Steps:
    """``CenterCrop`` and ``RandomCrop``: a part of the image, resized where the image is too small for it."""
    before, after = call.input_shape, call.output_shape
    count((*before, *after))
    if any(new > old for new, old in zip(after, before, strict=True) if new is not None and old is not None):
        return interpolated(call, "bilinear")
    return [StepDraft(Free(reason="moves data"))]


def random_crop(call: Call) -> Steps:
    """``RandomCrop`` at inference: Keras 3 hands the image on, Keras 2 resizes it."""
    if call.input_shape == call.output_shape:
        return [StepDraft(Free(reason="does nothing at inference"))]
    return interpolated(call, "bilinear")


def encoding(call: Call) -> Steps:
    """``CategoryEncoding``: ones set where categories are named; counting them takes a sum for each input."""
    if call.layer.output_mode != "count":
        return [StepDraft(Free(reason="marks categories"))]
    return call.elementwise("count", 1, call.input)


def discretization(call: Call) -> Steps:
    """``Discretization``: a binary search among the boundaries of the bins."""
    bins = len(call.layer.bin_boundaries) + 1
    return call.elementwise("discretization", max(1, math.ceil(math.log2(bins))), call.input)


def vocabulary(call: Call) -> Steps:
    """``StringLookup`` and ``IntegerLookup``: one row fetched for each input element."""
    lookups, runs = call.per_run(call.input)
    with call.tf.init_scope():
        rows = int(call.layer.vocabulary_size())
    return [StepDraft(Lookup(rows=rows, width=1, lookups=lookups), runs=runs)]


def not_modelled(reason: str) -> Callable[[Call], Steps]:
    """A rule that lists a layer as uncounted."""

    def steps(call: Call) -> Steps:
        return call.uncounted(reason)

    return steps


IDLE_AT_INFERENCE = tuple(
    "AugMix CutMix Equalization MaxNumBoundingBoxes MixUp RandAugment RandomBrightness RandomFlip "
    "RandomColorDegeneration RandomColorJitter RandomContrast RandomElasticTransform RandomErasing "
    "RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective "
    "RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation "
    "RandomWidth RandomZoom Solarization".split()
)

_IDLE = Rule(free("does nothing at inference"), spikes=same, keeps_time=always)

RULES: dict[str, Rule] = {
    **{name: _IDLE for name in IDLE_AT_INFERENCE},
    "Rescaling": per_element("rescaling", 2),
    "Normalization": per_element("normalization", 2),
    "Resizing": Rule(resizing),
    "CenterCrop": Rule(cropping),
    "RandomCrop": Rule(random_crop),
    "CategoryEncoding": Rule(encoding),
    "Discretization": Rule(discretization),
    "StringLookup": Rule(vocabulary),
    "IntegerLookup": Rule(vocabulary),
    "TextVectorization": Rule(not_modelled("splitting and looking up text is not modelled")),
    "Hashing": Rule(not_modelled("hashing is not modelled")),
    "HashedCrossing": Rule(not_modelled("hashing is not modelled")),
    "DenseFeatures": Rule(not_modelled("feature columns are not modelled")),
}
