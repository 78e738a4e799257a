"""COUNTS: facts to operation counts. Conventions live here, geometry in the trace, prices in costing."""
