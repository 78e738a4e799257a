"""Rules: which operations a call of each type of layer amounts to, and the table that finds them."""
