"""Months of history, as if a shop had been open: made in one go, and the same for the same seed."""
