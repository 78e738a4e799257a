"""KERNELS: shapes and densities to seconds and joules on GPUs, one small model per file."""
