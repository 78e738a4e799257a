"""Facts: what ran and how active it was; no joules and no framework."""
