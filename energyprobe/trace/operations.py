"""What a layer computes, as facts: one struct for each kind of operation.

An operation describes **one application** to one sample in one timestep; how often it ran is
`Step.executions`. Shapes leave out batch and time and put channels last, whatever the framework does.
"""

from __future__ import annotations

import msgspec


class Operation(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of all kinds; the tag ``kind`` names the kind in a stored trace."""


class Dense(Operation, frozen=True, kw_only=True, tag="dense"):
    """A full weight matrix applied at each of some positions.

    Attributes
    ----------
    inputs, units : int
        Shape ``(inputs, units)`` of the weights.
    positions : int
        How often one application of the layer uses the matrix: the other axes of its input
        (5 for a ``Dense`` on ``(batch, 5, inputs)`` whose second axis is not time).
    """

    inputs: int
    units: int
    positions: int = 1


class Conv(Operation, frozen=True, kw_only=True, tag="conv"):
    """A convolution or transposed convolution in any number of spatial dimensions.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
        Spatial shapes, without channels.
    channels, filters : int
        Input and output channels. A depthwise convolution has ``groups == channels``.
    kernel, strides, dilation : tuple of int
        One figure for each spatial dimension.
    padding : tuple of int
        Zeros *before* the input along each dimension; for a transposed convolution, outputs cropped
        before. What lies after follows from `output_shape`.
    groups : int
        Channels are split into so many groups; an input feeds the ``filters / groups`` of its own.
    transposed : bool
        Input ``i`` with tap ``k`` feeds output ``i * stride + k * dilation - padding`` (transposed);
        otherwise output ``o`` reads input ``o * stride + k * dilation - padding``.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    channels: int
    filters: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]
    groups: int = 1
    transposed: bool = False


class Product(Operation, frozen=True, kw_only=True, tag="product"):
    """A product of two activations, such as QK^T or AV.

    It is ``left (…, rows, shared) · right (…, shared, columns)``.

    Attributes
    ----------
    rows, shared, columns : int
        Sizes of the product.
    copies : int
        How many such products one application makes (heads, for example).
    """

    rows: int
    shared: int
    columns: int
    copies: int = 1


class Sparse(Operation, frozen=True, kw_only=True, tag="sparse"):
    """A weight matrix of which only some entries exist.

    Attributes
    ----------
    inputs, units : int
        Shape ``(inputs, units)``.
    entries : int
        Number of stored entries, zeros among them included.
    """

    inputs: int
    units: int
    entries: int


class Decode(Operation, frozen=True, kw_only=True, tag="decode"):
    """Decoders of a Nengo connection: ``neurons → dimensions`` (the transform is folded in)."""

    neurons: int
    dimensions: int


class Encode(Operation, frozen=True, kw_only=True, tag="encode"):
    """Encoders of a Nengo ensemble: ``dimensions → neurons``, once per ensemble and timestep."""

    dimensions: int
    neurons: int


class Lookup(Operation, frozen=True, kw_only=True, tag="lookup"):
    """Rows fetched from a table: no synapses, only bytes.

    Attributes
    ----------
    rows, width : int
        Shape ``(rows, width)`` of the table.
    lookups : int
        Rows fetched by one application.
    """

    rows: int
    width: int
    lookups: int


class Pool(Operation, frozen=True, kw_only=True, tag="pool"):
    """A pooling window slid over the input.

    Attributes
    ----------
    method : str
        ``"max"`` or ``"average"``.
    taps : int
        Input elements read by one application, padding left out.
    outputs : int
        Output elements.
    """

    method: str
    taps: int
    outputs: int


class Elementwise(Operation, frozen=True, kw_only=True, tag="elementwise"):
    """Arithmetic on each element: bias, normalisation, merging, softmax, an activation without state.

    Attributes
    ----------
    function : str
        What is computed, for example ``"bias"`` or ``"relu"``.
    elements : int
        Elements that one application computes.
    ops_per_element : int
        Arithmetic operations for each of them.
    """

    function: str
    elements: int
    ops_per_element: int = 1


class NeuronUpdate(Operation, frozen=True, kw_only=True, tag="neuron_update"):
    """The state update of neurons in one timestep.

    Attributes
    ----------
    neuron : str
        Kind of neuron, for example ``"integrate-and-fire"``, ``"lif"``, ``"lstm"``.
    neurons : int
        How many there are.
    """

    neuron: str
    neurons: int


class Filter(Operation, frozen=True, kw_only=True, tag="filter"):
    """A synaptic or low-pass filter.

    Attributes
    ----------
    function : str
        Kind of filter, for example ``"lowpass"``.
    elements : int
        Filtered signals.
    order : int
        State variables, hence state updates in a timestep, of each.
    """

    function: str
    elements: int
    order: int = 1


class Learning(Operation, frozen=True, kw_only=True, tag="learning"):
    """A learning rule that runs during inference.

    Attributes
    ----------
    rule : str
        For example ``"PES"``.
    macs : int
        Multiply-accumulates of one timestep.
    """

    rule: str
    macs: int


class Free(Operation, frozen=True, kw_only=True, tag="free"):
    """Declared free: it moves or renames data and computes nothing."""

    reason: str


class Uncounted(Operation, frozen=True, kw_only=True, tag="uncounted"):
    """Seen, but no count can be given; never a zero."""

    reason: str


Synaptic = Dense | Conv | Product | Sparse | Decode | Encode
AnyOperation = (
    Dense
    | Conv
    | Product
    | Sparse
    | Decode
    | Encode
    | Lookup
    | Pool
    | Elementwise
    | NeuronUpdate
    | Filter
    | Learning
    | Free
    | Uncounted
)
