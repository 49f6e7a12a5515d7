"""Data that leaves the house."""
