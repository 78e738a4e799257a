"""Attaching: the only code that knows a framework; each frontend writes a trace and nothing else."""
