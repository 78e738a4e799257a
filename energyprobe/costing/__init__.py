"""COSTS: counts to joules, one device model per file; the constants are data in ``catalog/``."""
