"""Kernels of a CPU: hand calculations, limits and trends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from energyprobe.costing.kernels import cpu_models
from energyprobe.costing.kernels.core import Core, moved_s
from energyprobe.costing.kernels.cpu import make_core
from energyprobe.costing.kernels.parts import Problem

CORE = Core(clock_hz=1e9, lanes=8.0, threads=1.0, caches=(1000.0, 10000.0, 100000.0), item=4.0)
SPEEDS = {"l1": 8e9, "l2": 4e9, "l3": 2e9, "memory": 1e9}
DENSE = {"call": 1e-6, "eta": 0.5, "tile": 4.0, "pack_a": 1e-9, "pack_b": 2e-9, "vector": 2.0, **SPEEDS}
CSR = {
    "call": 1e-6,
    "row": 1e-8,
    "out": 1e-9,
    "event": 3e-9,
    "scattered": 1.5,
    "narrow": 1e-9,
    "narrow_up_to": 1.0,
    **SPEEDS,
}
FIND = {"call": 1e-6, "row": 1e-7, "event": 3e-9, "branch": 7e-9, "scan": 5e-10}
GATHER = {**FIND, "out": 1e-9, "scattered": 1.5, **SPEEDS}


def problem(m: Any, k: Any, n: Any, density: Any = 1.0, **options: float) -> Problem:
    columns = np.broadcast_arrays(*np.atleast_1d(m, k, n, density))
    return Problem(*(each.astype(float) for each in columns), options)


def test_bytes_come_from_the_caches_that_hold_them() -> None:
    assert moved_s(100.0, 900.0, CORE, SPEEDS) == pytest.approx(100 / 8e9)
    # 4000 bytes: a quarter in the first cache, the rest in the second.
    assert moved_s(100.0, 4000.0, CORE, SPEEDS) == pytest.approx(100 * (0.25 / 8e9 + 0.75 / 4e9))
    # 200000 bytes: 0.5 %, 4.5 %, 45 % and half of it from memory.
    expected = 7 * (0.005 / 8e9 + 0.045 / 4e9 + 0.45 / 2e9 + 0.5 / 1e9)
    assert moved_s(7.0, 200000.0, CORE, SPEEDS) == pytest.approx(expected)


def test_a_processor_with_two_caches_goes_to_memory_behind_them() -> None:
    core = make_core(1e9, 32.0, 2.0, (1000.0, 10000.0), last_share=0.5)
    assert core.caches == (1000.0, 6000.0)
    assert core.lanes == 8.0
    speeds = {name: SPEEDS[name] for name in ("l1", "l2", "memory")}
    assert moved_s(1.0, 12000.0, core, speeds) == pytest.approx((1 / 12) / 8e9 + (5 / 12) / 4e9 + 0.5 / 1e9)


def test_dense_matrices_by_hand() -> None:
    # 11 columns are 3 tiles of 4: 3·7·12 = 252 MACs at 0.5·8 a clock of 1 ns; A has 84, B 308, C 132 bytes,
    # all in the first cache; 21 and 77 values are packed.
    expected = 1e-6 + 252 / 4e9 + 524 / 8e9 + 21 * 1e-9 + 77 * 2e-9
    assert cpu_models.dense(problem(3, 7, 11), CORE, DENSE).seconds() == pytest.approx(expected)


def test_a_dense_vector_by_hand() -> None:
    # 77 MACs in 19.25 ns; 28 + 308 + 44 bytes twice as fast as matrices: 23.75 ns; overlap in fourth powers.
    expected = 1e-6 + (19.25e-9**4 + 23.75e-9**4) ** 0.25
    assert cpu_models.dense(problem(1, 7, 11), CORE, DENSE).seconds() == pytest.approx(expected)


def test_threads_speed_up_the_arithmetic_of_dense_products_only() -> None:
    two = make_core(1e9, 32.0, 2.0, (1000.0, 10000.0, 100000.0), 0.9)
    one = make_core(1e9, 32.0, 1.0, (1000.0, 10000.0, 100000.0), 0.9)
    size = problem(300, 300, 300, 0.1)
    of_one, of_two = (cpu_models.dense(size, core, DENSE) for core in (one, two))
    assert of_two.compute == pytest.approx(0.5 * of_one.compute)
    assert of_two.output == pytest.approx(of_one.output)
    assert cpu_models.csr(size, two, CSR).seconds() == pytest.approx(cpu_models.csr(size, one, CSR).seconds())


def test_wider_vectors_speed_up_dense_products() -> None:
    narrow, wide = (make_core(1e9, width, 1.0, (1000.0, 10000.0), 1.0) for width in (16.0, 64.0))
    size = problem(64, 64, 64)
    assert cpu_models.dense(size, narrow, DENSE).compute == pytest.approx(
        4 * cpu_models.dense(size, wide, DENSE).compute
    )


def test_weights_of_a_network_push_each_other_out_of_the_cache() -> None:
    alone = cpu_models.dense(problem(1, 20, 10), CORE, DENSE)
    together = cpu_models.dense(problem(1, 20, 10, resident=1e9), CORE, DENSE)
    moved = 4 * (20 + 200 + 10)
    assert alone.memory == pytest.approx(moved / 8e9 / 2)
    assert together.memory == pytest.approx(moved / 1e9 / 2, rel=1e-3)


def test_csr_by_hand() -> None:
    # 30 non-zeros; B has 10·5·4 = 200 bytes in the first cache; rows of 20 bytes.
    expected = 1e-6 + 6 * 1e-8 + 30 * 1e-9 + ((30 * 3e-9) ** 4 + (30 * 20 / 8e9) ** 4) ** 0.25
    assert cpu_models.csr(problem(6, 10, 5, 0.5), CORE, CSR).seconds() == pytest.approx(expected)


def test_csr_times_a_vector_by_hand() -> None:
    expected = 1e-6 + 6 * 1e-8 + 6 * 1e-9 + 30 * 1e-9
    assert cpu_models.csr(problem(6, 10, 1, 0.5), CORE, CSR).seconds() == pytest.approx(expected)


def test_rows_beyond_the_second_cache_come_slower_where_they_are_scattered() -> None:
    # B has 100·100·4 = 40000 bytes: 2.5 % in the first cache, 22.5 % in the second, 75 % beyond.
    per_byte = 0.025 / 8e9 + 0.225 / 4e9 + 0.75 / 2e9
    for density in (0.1, 0.5, 1.0):
        expected = 100 * density * 400 * per_byte * (1 + 1.5 * (1 - density) * 0.75)
        gather = cpu_models.csr(problem(1, 100, 100, density), CORE, CSR).gather
        assert gather == pytest.approx(expected)


def test_few_rows_in_turn_use_a_part_of_the_weights() -> None:
    # Of 2 rows, 1 − 0.9² = 19 % of B's 40000 bytes are used again: 7600, 1000 of them in the first cache.
    used = 7600
    per_byte = (1000 / used) / 8e9 + (1 - 1000 / used) / 4e9
    gather = cpu_models.csr(problem(1, 100, 100, 0.1, rows=2.0), CORE, CSR).gather
    assert gather == pytest.approx(10 * 400 * per_byte)


def test_gather_by_hand() -> None:
    # A branch that was not foreseen for every other of the 30 spikes.
    find = 1e-6 + 6 * 1e-7 + 60 * 5e-10 + 30 * 3e-9 + 15 * 7e-9
    # Of 6 rows, 1 in 1024 is empty.
    expected = find + 6 * (1023 / 1024) * 5 * 1e-9 + 30 * 20 / 8e9
    assert cpu_models.gather(problem(6, 10, 5, 0.5), CORE, GATHER).seconds() == pytest.approx(expected)


def test_compressing_by_hand() -> None:
    expected = 1e-6 + 6 * 1e-7 + 60 * 5e-10 + 30 * 3e-9 + 15 * 7e-9
    assert cpu_models.compress(problem(6, 10, 5, 0.5), CORE, FIND).seconds() == pytest.approx(expected)


def test_elementwise_by_hand() -> None:
    constants = {"call": 1e-6, **SPEEDS}
    # 35 elements · 4 accesses · 4 bytes in the first cache, three times.
    found = cpu_models.elementwise(problem(7, 1, 5, accesses=4.0, steps=3.0), CORE, constants)
    assert found.seconds() == pytest.approx(3 * (1e-6 + 560 / 8e9))


@pytest.mark.parametrize(("model", "constants"), [(cpu_models.csr, CSR), (cpu_models.gather, GATHER)])
def test_an_empty_operand_costs_the_call_the_rows_and_what_is_looked_at(model: Any, constants: Any) -> None:
    found = model(problem(6, 10, 5, 0.0), CORE, constants).seconds()
    # Compressed rows are written even where they are empty; event by event there is nothing to write.
    looked_at = 60 * constants["scan"] if "scan" in constants else 30 * constants["out"]
    assert found == pytest.approx(1e-6 + 6 * constants["row"] + looked_at)


@pytest.mark.parametrize(("model", "constants"), [(cpu_models.csr, CSR), (cpu_models.gather, GATHER)])
def test_sparse_products_take_longer_with_density_and_every_size(model: Any, constants: Any) -> None:
    # With more than 1, all rows in order may take less time than nearly all of them.
    constants = constants | {"scattered": 1.0}
    steps = np.geomspace(0.001, 1.0, 40)
    assert np.all(np.diff(model(problem(16, 300, 300, steps), CORE, constants).seconds()) > 0)
    grown = np.arange(2.0, 900.0)
    for sizes in ((grown, 300, 300), (16, grown, 300), (16, 300, grown)):
        assert np.all(np.diff(model(problem(*sizes, 0.1), CORE, constants).seconds()) > 0)


def test_dense_products_take_longer_with_every_size_and_a_sample_less_in_batches() -> None:
    grown = np.arange(2.0, 900.0)
    for sizes in ((grown, 300, 300), (16, grown, 300), (16, 300, grown)):
        assert np.all(np.diff(cpu_models.dense(problem(*sizes), CORE, DENSE).seconds()) > 0)
    per_sample = cpu_models.dense(problem(grown, 300, 300), CORE, DENSE).seconds() / grown
    assert np.all(np.diff(per_sample) < 0)
