"""Accounts, what people are told, suspended and closed accounts."""
