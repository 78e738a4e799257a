"""Fit the CPU kernel models to measured kernels, and write the catalog's devices of them.

Run it as ``python benchmarks/fit_cpu_kernels.py [FOLDER]`` from the root of the repository. Without FOLDER,
the devices of the installed catalog are replaced.
"""

from __future__ import annotations

import sys
from pathlib import Path

from energyprobe import calibrate, costing

DEVICES = {
    "amd-epyc-1-thread": "tensorflow",
    "amd-epyc-1-thread-numpy": "numpy",
}
"""Names of devices, and the libraries whose kernels they run."""

FILE = Path("benchmarks") / "measurements" / "amd-epyc-1-thread.csv"
HEAD = "# Written by benchmarks/fit_cpu_kernels.py.\n"


def main(folder: Path = Path(costing.__file__).parent / "catalog") -> int:
    for name, library in DEVICES.items():
        text = calibrate.calibrate_cpu(FILE, name=name, library=library)
        (folder / f"{name}.toml").write_text(HEAD + text, encoding="utf-8")
        print(f"wrote {folder / name}.toml")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    sys.exit(main(*map(Path, sys.argv[1:])))
