"""Kernels on an NVIDIA GPU, to be timed: products and convolutions of PyTorch, event-driven ones in CUDA.

PyTorch holds the arrays, and multiplies by cuBLAS, cuSPARSE and cuDNN; CuPy compiles ``gpu_kernels.cu`` by
NVRTC and launches it on PyTorch's stream, so that CUDA graphs hold all alike; energies come from NVML.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[], object]

FLUSH_BYTES = 256 * 2**20
"""Written between timings for a cold L2 cache: more than any has."""

THREADS = 256
SPLITS = 32
"""Thread blocks that share the spikes of a row, so that one row keeps the GPU busy."""

QUEUE_CLOCKS = 1_000_000
"""Clocks (0.5 to 1 ms) for which the GPU waits while the host queues a few launches from Python."""

FEWEST = 3
"""Runs that a time is the median of, at least."""

SETTLE_S = 0.5
"""Time for clocks and the sensor of power to follow, before a window begins."""

CHUNK_S = 0.05
"""Time of the runs that are queued before the clock is looked at."""

SOURCE = Path(__file__).with_name("gpu_kernels.cu")

NAMES = {"fp16": "__half", "fp32": "float"}


class CudaGpu:
    """The first CUDA GPU of the machine.

    Its power while no program holds a context, `idle_w`, is measured first, over `idle_s` seconds if any.
    """

    def __init__(self, idle_s: float = 0.0) -> None:
        try:
            import cupy
            import pynvml
            import torch
        except ImportError as error:
            raise SystemExit(
                f"{error}: this script needs PyTorch, CuPy and pynvml on a CUDA machine"
            ) from error
        if not torch.cuda.is_available():
            raise SystemExit("no CUDA GPU: PyTorch finds none on this machine")
        self._torch, self._cupy, self._nvml = torch, cupy, pynvml
        pynvml.nvmlInit()
        # The GPU that CUDA calls its first is not always NVML's: CUDA_VISIBLE_DEVICES renumbers.
        self._device = pynvml.nvmlDeviceGetHandleByPciBusId(cupy.cuda.Device(0).pci_bus_id.encode())
        self.idle_w = self.power(None, idle_s)[0] if idle_s else None
        kernels = [f"{name}<{kind}>" for name in ("compact", "gather", "scatter") for kind in NAMES.values()]
        self._module = cupy.RawModule(
            code=SOURCE.read_text(encoding="utf-8"),
            options=("-std=c++17",),
            name_expressions=[*kernels, "lif", "spin"],
        )
        self._spin = self._kernel("spin")
        self._types = {"fp16": torch.float16, "fp32": torch.float32}
        self._flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.manual_seed(0)

    @property
    def facts(self) -> dict[str, str]:
        """The GPU and its software."""
        torch, nvml = self._torch, self._nvml
        return {
            "gpu": torch.cuda.get_device_name(0),
            "driver": str(nvml.nvmlSystemGetDriverVersion()),
            "cuda": str(torch.version.cuda),
            "torch": torch.__version__,
            "cupy": self._cupy.__version__,
            "date": date.today().isoformat(),
        }

    # What is timed. Each method makes its operands and gives back what runs it once.

    def dense(self, m: int, k: int, n: int, zeros: float, dtype: str) -> Run:
        """Product of a matrix with so many zeros and a full one, by cuBLAS."""
        left, right = self._matrix((m, k), zeros, dtype), self._matrix((k, n), 0.0, dtype)
        out = self._torch.empty((m, n), dtype=self._types[dtype], device="cuda")
        return lambda: self._torch.matmul(left, right, out=out)

    def csr(self, m: int, k: int, n: int, zeros: float, dtype: str) -> Run:
        """Product of compressed rows, of positions of 4 bytes, and a full matrix, by cuSPARSE."""
        rows = self._matrix((m, k), zeros, dtype).to_sparse_csr()
        positions = (each.to(self._torch.int32) for each in (rows.crow_indices(), rows.col_indices()))
        left = self._torch.sparse_csr_tensor(*positions, rows.values(), size=(m, k))
        right = self._matrix((k, n), 0.0, dtype)
        return lambda: left @ right

    def compress(self, m: int, k: int, zeros: float, dtype: str) -> Run:
        """Compressed rows of a matrix, by PyTorch."""
        matrix = self._matrix((m, k), zeros, dtype)
        return matrix.to_sparse_csr

    def compact(self, m: int, k: int, zeros: float, dtype: str) -> tuple[Run, dict[str, float]]:
        """Lists of the spikes of each row, and how many there are, and different columns among them."""
        spikes = (self._torch.rand((m, k), device="cuda") >= zeros).to(self._types[dtype])
        run, *_ = self._compacting(spikes, dtype)
        unique = int(spikes.any(dim=0).sum())
        return run, {"nnz": float(spikes.sum(dtype=self._torch.float32)), "unique": unique}

    def gather(self, m: int, k: int, n: int, zeros: float, dtype: str) -> tuple[Run, dict[str, float]]:
        """Spikes to lists, and for each spike a row of weights added up."""
        torch = self._torch
        spikes = (torch.rand((m, k), device="cuda") >= zeros).to(self._types[dtype])
        compact, lists, count = self._compacting(spikes, dtype)
        weights = self._matrix((k, n), 0.0, dtype)
        out = torch.zeros((m, n), device="cuda")
        kernel, splits = self._kernel(f"gather<{NAMES[dtype]}>"), SPLITS if m < 64 else 1
        grid = (-(-n // THREADS), m, splits)

        def run() -> None:
            compact()
            out.zero_()
            self._launch(kernel, grid, (weights, lists, count, k, n, out))

        unique = int(spikes.any(dim=0).sum())
        return run, {"nnz": float(spikes.sum(dtype=torch.float32)), "unique": unique}

    def conv(self, batch: int, size: int, channels: int, spikes: np.ndarray, dtype: str) -> Run:
        """Convolution 3x3 of images (batch, channels, size, size), by cuDNN."""
        torch = self._torch
        images = torch.as_tensor(spikes, device="cuda").to(self._types[dtype])
        weights = self._matrix((channels, channels * 9), 0.0, dtype).reshape(channels, channels, 3, 3)
        return lambda: torch.nn.functional.conv2d(images, weights, padding=1)

    def conv_scatter(
        self, batch: int, size: int, channels: int, spikes: np.ndarray, dtype: str, first: bool
    ) -> Run:
        """The same by scatter of each spike, channels first or last."""
        torch = self._torch
        images = torch.as_tensor(spikes, device="cuda").to(self._types[dtype])
        flat = (images if first else images.permute(0, 2, 3, 1)).reshape(batch, -1).contiguous()
        compact, lists, count = self._compacting(flat, dtype)
        weights = self._matrix((9 * channels, channels), 0.0, dtype)
        out = torch.zeros((batch, channels * size * size), device="cuda")
        kernel = self._kernel(f"scatter<{NAMES[dtype]}>")

        def run() -> None:
            compact()
            out.zero_()
            arguments = (weights, lists, count, size, channels, channels, int(first), out)
            self._launch(kernel, (256, batch, 1), arguments, threads=min(THREADS, channels))

        return run

    def neurons(self, elements: int, steps: int) -> Run:
        """Leaky integrate-and-fire neurons over some timesteps in one kernel."""
        torch = self._torch
        inputs = 2 * torch.rand((steps, elements), device="cuda")
        voltage, refractory = (torch.zeros(elements, device="cuda") for _ in range(2))
        out, kernel = torch.empty_like(inputs), self._kernel("lif")
        arguments = (inputs, voltage, refractory, out, elements, steps)
        return lambda: self._launch(kernel, (-(-elements // THREADS), 1, 1), arguments)

    def copy(self, size_bytes: int) -> Run:
        """A copy: of a small array from the L2 cache, of a large one from memory."""
        source = self._torch.zeros(size_bytes, dtype=self._torch.uint8, device="cuda")
        target = self._torch.empty_like(source)
        return lambda: target.copy_(source)

    # How it is timed.

    def graph(self, run: Run) -> Run:
        """The same launches as one CUDA graph, after runs that load the kernels and make workspaces."""
        torch = self._torch
        torch.cuda.synchronize()
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(3):
                run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
        return graph.replay

    def seconds(self, run: Run, budget_s: float, *, cold: bool, queued: bool) -> float:
        """Median time of a run, after one that does not count.

        Queued behind a kernel that waits, the GPU has all launches of a run before it starts, so that what
        Python takes for them does not count; else it does.
        """
        torch, times = self._torch, []
        run()
        torch.cuda.synchronize()
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        until = time.perf_counter() + budget_s
        while len(times) < FEWEST or time.perf_counter() < until:
            if cold:
                self._flush.zero_()
            if queued:
                self._launch(self._spin, (1, 1, 1), (QUEUE_CLOCKS,), threads=1)
            else:
                torch.cuda.synchronize()
            start.record()
            run()
            stop.record()
            stop.synchronize()
            times.append(start.elapsed_time(stop) * 1e-3)
        return float(np.median(times))

    def power(self, run: Run | None, window_s: float) -> tuple[float, float]:
        """Mean power in W over a window by NVML's counter of energy, and runs a second; None: idle."""
        chunk = 1 if run is None else max(1, round(CHUNK_S / self.seconds(run, 0.0, cold=False, queued=True)))
        self._busy(run, chunk, SETTLE_S)
        before_j, begin = self._joules(), time.perf_counter()
        runs = self._busy(run, chunk, window_s)
        joules, seconds = self._joules() - before_j, time.perf_counter() - begin
        return joules / seconds, runs / seconds

    def _busy(self, run: Run | None, chunk: int, seconds: float) -> int:
        """Run, or idle, for so long; how many runs there were."""
        begin, runs = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            if run is None:
                time.sleep(CHUNK_S)
                continue
            for _ in range(chunk):
                run()
            self._torch.cuda.synchronize()
            runs += chunk
        return runs

    def _joules(self) -> float:
        """NVML's counter of energy.

        Raises
        ------
        SystemExit
            If the GPU has none.
        """
        try:
            return 1e-3 * float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._device))
        except self._nvml.NVMLError as error:
            raise SystemExit(
                f"{self.facts['gpu']} tells no energy ({error}): part 5 needs a GPU from Volta on, and no "
                "virtual one; ask for the other parts (--part 1 --part 2 --part 3 --part 4)"
            ) from error

    def _matrix(self, shape: tuple[int, ...], zeros: float, dtype: str) -> Any:
        torch = self._torch
        values = torch.randn(shape, device="cuda")
        if zeros:
            values *= torch.rand(shape, device="cuda") >= zeros
        return values.to(self._types[dtype])

    def _compacting(self, spikes: Any, dtype: str) -> tuple[Run, Any, Any]:
        """What makes lists of spikes, the lists and their lengths."""
        torch = self._torch
        rows, columns = spikes.shape
        lists = torch.zeros((rows, columns), dtype=torch.int32, device="cuda")
        count = torch.zeros(rows, dtype=torch.int32, device="cuda")
        kernel = self._kernel(f"compact<{NAMES[dtype]}>")

        def run() -> None:
            count.zero_()
            self._launch(kernel, (-(-columns // THREADS), rows, 1), (spikes, columns, lists, count))

        run()
        torch.cuda.synchronize()
        return run, lists, count

    def _kernel(self, name: str) -> Any:
        return self._module.get_function(name)

    def _launch(
        self, kernel: Any, grid: tuple[int, int, int], arguments: tuple[Any, ...], threads: int = THREADS
    ) -> None:
        stream = self._cupy.cuda.ExternalStream(self._torch.cuda.current_stream().cuda_stream)
        plain = tuple(
            np.uintp(each.data_ptr()) if hasattr(each, "data_ptr") else np.int32(each) for each in arguments
        )
        with stream:
            kernel(grid, (threads, 1, 1), plain)
