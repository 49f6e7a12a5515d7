"""Drawings: submitted, compared, shown, and what became of each."""
