"""Every kernel model against its formula, worked out with plain numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from energyprobe.costing.kernels.blocked import blocked
from energyprobe.costing.kernels.conversion import with_conversion
from energyprobe.costing.kernels.dense import SPLITS, TILES, dense
from energyprobe.costing.kernels.elementwise import elementwise
from energyprobe.costing.kernels.events import gather, scatter, stationary
from energyprobe.costing.kernels.parts import LIMITS, Parts, Problem, distinct_share, overlap
from energyprobe.costing.kernels.rates import Rates
from energyprobe.costing.kernels.skipping import column_skip, live_columns, live_tiles, tile_skip
from energyprobe.costing.kernels.spmm import csr, spmm
from energyprobe.costing.kernels.spmv import spmv
from energyprobe.costing.kernels.structured import n_of_m, two_of_four

DENSE = {
    "launch": 2e-6,
    "eta": 0.8,
    "beta": 0.5,
    "wave": 1e-6,
    "reduce": 3e-6,
    "step": 5e-8,
    "l2": 0.5,
}
SPARSE = {"launch": 7e-6, "lanes": 5.0, "miss": 0.25, "latency": 100.0, "output": 0.5, "rows": 3.0, "l2": 0.4}
EVENTS = {"launch": 3e-6, "launches": 4.0, "beta": 0.5, "l2": 0.25, "lanes": 8.0}


@pytest.fixture
def rates() -> Rates:
    """10 multiprocessors at 1 GHz, 1e12 FLOP/s, 1e11 bytes/s of DRAM, 1e12 of 1 MB of L2, 4-byte values."""
    return Rates(sms=10.0, clock_hz=1e9, dram=1e11, l2_bytes=1e6, l2=1e12, peak=1e12, item=4.0)


def problem(m: float, k: float, n: float, density: float = 1.0, **options: float) -> Problem:
    return Problem(*(np.array([float(value)]) for value in (m, k, n, density)), options)


def norm4(*parts: float) -> float:
    return sum(part**4 for part in parts) ** 0.25


def brute_dense(m: int, k: int, n: int, chip: Rates, c: dict[str, float]) -> float:
    """The fastest tile and split, by trying all with Python's numbers."""
    best = math.inf
    for (rows, columns), split in itertools.product(TILES, SPLITS):
        blocks = math.ceil(m / rows) * math.ceil(n / columns) * split
        waves, busy = math.ceil(blocks / chip.sms), min(1.0, blocks / chip.sms)
        steps = math.ceil(k / split / 64)
        step = max(2 * rows * columns * 64 / (c["eta"] * chip.peak / chip.sms), c["step"])
        traffic = chip.item * (m * k + k * n + m * n) + (4 * split * m * n if split > 1 else 0)
        memory = traffic / (c["beta"] * chip.dram * busy**0.125)
        operands = blocks * steps * (rows + columns) * 64 * chip.item / (c["l2"] * chip.l2 * busy)
        fixed = waves * c["wave"] + (c["reduce"] if split > 1 else 0)
        best = min(best, norm4(waves * steps * step, memory, operands) + fixed)
    return c["launch"] + best


@pytest.mark.parametrize(
    "size", [(1, 1, 1), (7, 37, 91), (1, 4096, 23), (513, 640, 257), (2048, 96, 1111), (64, 65536, 64)]
)
def test_dense_is_the_fastest_of_all_tiles_and_splits(size: tuple[int, int, int], rates: Rates) -> None:
    parts = dense(problem(*size), rates, DENSE)
    assert parts.seconds() == pytest.approx(brute_dense(*size, rates, DENSE), rel=1e-12)
    m, k, n = size
    assert parts.flops == pytest.approx(2 * m * k * n)
    assert parts.dram_bytes == pytest.approx(4 * (m * k + k * n + m * n))


def test_dense_pays_for_whole_waves(rates: Rates) -> None:
    # One row more takes another row of tiles, and with every tile shape another wave of blocks.
    even, odd = (dense(problem(m, 8192, 128), rates, DENSE).seconds() for m in (2560, 2561))
    assert odd / even > 1.02


def test_dense_does_not_know_zeros(rates: Rates) -> None:
    full, empty = (dense(problem(512, 512, 512, share), rates, DENSE).seconds() for share in (1.0, 0.01))
    assert full == empty


def test_spmm_by_hand(rates: Rates) -> None:
    m, k, n, share = 700.0, 500.0, 90.0, 0.2
    nonzeros = 0.2 * 700 * 500
    distinct = 1 - 0.8**3
    read = 700 / 3 * 500 * distinct * 90 * 4
    dram = 500 * 90 * 4 + 700 * 90 * 4 + nonzeros * 8  # B of 180 kB fits the cache: nothing is missed
    expected = 7e-6 + 700 * 90 * 0.5 / 1e10
    expected += norm4(
        nonzeros * 90 / (5 * 1e10), dram / (0.85e11), read / (0.4 * 1e12), 2 * nonzeros / 700 * 100 / 1e9
    )
    parts = spmm(problem(m, k, n, share, imbalance=2.0), rates, SPARSE)
    assert parts.seconds() == pytest.approx(expected)
    assert parts.flops == pytest.approx(2 * nonzeros * 90)
    assert parts.l2_bytes == pytest.approx(read)


def test_what_multiprocessors_take_in_bounds_spmm_beside_the_cache(rates: Rates) -> None:
    read = 700 / 3 * 500 * (1 - 0.8**3) * 90 * 4
    parts = spmm(problem(700, 500, 90, 0.2), rates, SPARSE | {"width": 20.0})
    # 20 bytes per clock and multiprocessor: 2e11 bytes/s; from the cache 4e11.
    assert parts.gather == pytest.approx(norm4(read / 4e11, read / 2e11))


def test_spmm_misses_what_the_cache_does_not_hold(rates: Rates) -> None:
    m, k, n = 100.0, 5000.0, 200.0  # B has 4 MB, the cache 1 MB: three quarters of repeated reads miss
    nonzeros = 0.5 * m * k
    missed = (nonzeros * n * 4 - k * n * 4) * 0.75
    compulsory = (k * n + m * n) * 4 + nonzeros * 8
    parts = spmm(problem(m, k, n, 0.5), rates, SPARSE)
    assert parts.dram_bytes == pytest.approx(compulsory + 0.25 * missed)


@pytest.mark.parametrize(("n", "held"), [(90.0, 90.0), (128.0, 128.0), (1000.0, 128.0)])
def test_csr_keeps_128_columns_of_b_and_finds_no_more_unless_clustered(
    n: float, held: float, rates: Rates
) -> None:
    m, k = 300.0, 7000.0
    nonzeros = 0.1 * m * k
    hit = 1e6 / (k * held * 4)  # the cache has 1 MB
    missed = (nonzeros - k) * n * 4 * (1 - hit)
    compulsory = (k * n + m * n) * 4 + nonzeros * 8
    random = csr(problem(m, k, n, 0.1), rates, SPARSE)
    assert random.dram_bytes == pytest.approx(compulsory + missed)
    clustered = csr(problem(m, k, n, 0.1, clustered=1.0), rates, SPARSE)
    assert clustered.dram_bytes == pytest.approx(compulsory + 0.25 * missed)
    assert clustered.seconds() < random.seconds()


def test_blocked_by_hand(rates: Rates) -> None:
    constants = {"launch": 1e-5, "block": 300.0, "latency": 50.0, "output": 5.0}
    options = {"block_rows": 8.0, "block_columns": 8.0, "imbalance": 3.0}
    parts = blocked(problem(1000, 640, 200, 0.1, **options), rates, constants)
    block_rows, per_row = 125, 0.1 * 1000 * 640 / 64 / 125  # 8 blocks in each row of blocks
    waves = math.ceil(block_rows * 2 / 40)  # 2 panels of 128 columns, 4 thread blocks on each of 10
    work = waves * per_row * 300 * 200 / 256 / 1e9
    dram = 4 * (640 * 200 + 1000 * 200 + 64000) + 4 * 1000
    expected = 1e-5 + 1000 * 200 * 5 / 1e10 + norm4(work, dram / 0.85e11, 3 * per_row * 50 / 1e9)
    assert parts.seconds() == pytest.approx(expected)


def test_n_of_m_by_hand(rates: Rates) -> None:
    parts = n_of_m(problem(130, 320, 70, 0.25), rates, {"launch": 4e-6, "lanes": 16.0, "l2": 2.0})
    staged = 3 * 320 * 70 * 4 / 2e12  # ⌈130/64⌉ = 3 rows of tiles
    dram = 4 * (0.25 * 130 * 320 + 320 * 70 + 130 * 70)
    expected = 4e-6 + norm4(0.25 * 130 * 320 * 70 / (16 * 1e10), dram / 0.85e11, staged)
    assert parts.seconds() == pytest.approx(expected)


def test_two_of_four_is_dense_with_faster_arithmetic_and_packing(rates: Rates) -> None:
    constants = {**DENSE, "step": 0.0, "speedup": 2.0, "setup": 0.0}
    size = (2560, 8192, 1280)
    sparse = two_of_four(problem(*size, 0.5), rates, constants)
    packed = two_of_four(problem(*size, 0.5, pack=1.0), rates, constants)
    assert sparse.compute * 2 == pytest.approx(dense(problem(*size), rates, constants).compute)
    # 4-byte values: half of them and 2 bits of position each, 17/32 of A's bytes.
    assert sparse.dram_bytes == pytest.approx(4 * (17 / 32 * 2560 * 8192 + 8192 * 1280 + 2560 * 1280))
    assert packed.dram_bytes - sparse.dram_bytes == pytest.approx(49 / 32 * 4 * 2560 * 8192)
    assert packed.launch - sparse.launch == pytest.approx(constants["launch"])


def test_spmv_by_hand(rates: Rates) -> None:
    constants = {"launch": 6e-6, "beta": 0.5, "l2": 0.2, "latency": 5.0}
    parts = spmv(problem(1000, 2000, 1, 0.01, imbalance=7.0), rates, constants)
    nonzeros = 20000
    moved = 8 * (nonzeros + 1000) + 4 * 2000
    expected = 6e-6 + norm4(
        2 * nonzeros / 1e12, moved / 0.5e11, 32 * nonzeros / 0.2e12, 7 * nonzeros / 1000 * 5 / 1e9
    )
    assert parts.seconds() == pytest.approx(expected)
    twice = spmv(problem(1000, 2000, 2, 0.01, imbalance=7.0), rates, constants)
    assert twice.seconds() == pytest.approx(2 * expected)


def test_gather_reads_a_row_per_spike_and_each_column_once_from_dram(rates: Rates) -> None:
    m, k, n, share = 32, 1000, 21, 0.05
    spikes, row = share * m * k, 96  # 84 bytes of a row are three sectors
    columns = k * (1 - 0.95**32)
    dram = 4 * m * k + 4 * spikes + 2 * 4 * m * n + columns * row
    expected = 12e-6 + norm4(spikes * n / (8 * 1e10), dram / 0.5e11, spikes * row / 0.25e12)
    parts = gather(problem(m, k, n, share), rates, EVENTS)
    assert parts.seconds() == pytest.approx(expected)
    assert parts.l2_bytes == pytest.approx(spikes * row)
    strided = gather(problem(m, k, n, share, strided=1.0), rates, EVENTS)
    assert strided.l2_bytes == pytest.approx(spikes * n * 32)


def test_scatter_and_stationary_convolution_move_different_bytes(rates: Rates) -> None:
    m, k, n, share = 256, 9 * 64, 64, 0.1
    pairs = share * m * k
    scattered = scatter(problem(m, k, n, share), rates, EVENTS)
    gathered = stationary(problem(m, k, n, share), rates, EVENTS)
    assert scattered.l2_bytes == pytest.approx(3 * pairs * 256)
    assert gathered.l2_bytes == pytest.approx(4 * m * k + pairs * 256)
    channels_first = scatter(problem(m, k, n, share, strided=1.0), rates, EVENTS)
    assert channels_first.l2_bytes / scattered.l2_bytes == pytest.approx(8)  # 4 of 32 bytes are used


def test_elementwise_pays_launch_and_state_in_every_step(rates: Rates) -> None:
    constants = {"launch": 2e-6, "beta": 0.5}
    once = elementwise(problem(10, 1000, 50, accesses=5.0), rates, constants).seconds()
    assert once == pytest.approx(2e-6 + norm4(500000 / 3.2e11, 5 * 4 * 500000 / 0.5e11))
    stepped = elementwise(problem(10, 1000, 50, accesses=5.0, steps=9.0), rates, constants).seconds()
    assert stepped == pytest.approx(9 * once)


def test_live_tiles_and_columns_by_simulation() -> None:
    rng = np.random.default_rng(3)
    spikes = rng.random((4096, 8, 8)) < 0.02
    assert live_tiles(np.array(0.02), 64) == pytest.approx(spikes.any(axis=(1, 2)).mean(), abs=0.03)
    batch = rng.random((16, 20000)) < 0.1
    assert live_columns(np.array(0.1), 16) == pytest.approx(batch.any(axis=0).mean(), abs=0.01)


def test_random_sparsity_leaves_no_tile_empty() -> None:
    assert 1 - live_tiles(np.array(0.01), 16 * 16) == pytest.approx(0.99**256)  # 7.6 %
    assert live_tiles(np.array(0.01), 128 * 128) == 1.0
    assert live_columns(np.array(0.05), 32) == pytest.approx(0.806, abs=5e-4)
    assert distinct_share(1.0, 7.0) == pytest.approx(1.0)
    assert distinct_share(0.0, 7.0) == 0.0


def test_tile_skip_gains_where_blocks_are_tiles_only(rates: Rates) -> None:
    size = (2560, 8192, 1280)
    full = dense(problem(*size), rates, DENSE).seconds()
    scattered = tile_skip(problem(*size, 0.25), rates, DENSE).seconds()
    in_blocks = tile_skip(problem(*size, 0.25, tile=1.0), rates, DENSE).seconds()
    assert scattered > full > 1.5 * in_blocks


def test_column_skip_is_a_dense_product_over_live_columns(rates: Rates) -> None:
    constants = {**DENSE, "launches": 2.0, "pack": 4e-6}
    parts = column_skip(problem(4, 4096, 512, 0.1), rates, constants)
    live = 4096 * (1 - 0.9**4)
    packing = 4 * 4 * (4096 + live)
    narrower = dense(problem(4, live, 512), rates, DENSE)
    assert parts.dram_bytes == pytest.approx(narrower.dram_bytes + packing)
    assert parts.launch == pytest.approx(narrower.launch + 8e-6)


def test_conversion_adds_three_launches_and_two_readings_of_a(rates: Rates) -> None:
    asked = problem(30, 400, 5, 0.5)
    bare = Parts(launch=1e-6, compute=2e-6, memory=3e-6, dram_bytes=10.0)
    converted = with_conversion(bare, asked, rates, 6e-6)
    moved = 2 * 4 * 30 * 400 + 8 * 0.5 * 30 * 400
    assert converted.launch == pytest.approx(19e-6)
    assert converted.memory == pytest.approx(3e-6 + moved / 0.85e11)
    assert converted.dram_bytes == pytest.approx(10 + moved)


@pytest.mark.parametrize("position", range(len(LIMITS)))
def test_the_limit_is_the_longest_part(position: int) -> None:
    names = ("launch", "compute", "memory", "gather", "imbalance")
    values = {name: np.array([1.0]) for name in names} | {names[position]: np.array([2.0])}
    assert Parts(**values).limit() == position


def test_cache_reads_and_stores_count_as_memory() -> None:
    one = np.array([1.0])
    for part in ("cache", "output"):
        parts = Parts(**{"launch": one, "compute": one, "memory": one, part: 2 * one})
        assert parts.limit() == LIMITS.index("memory")


def test_overlap_lies_between_the_longest_part_and_the_sum() -> None:
    assert overlap(3.0, 0.0) == pytest.approx(3.0)
    assert overlap(1.0, 1.0) == pytest.approx(2**0.25)
