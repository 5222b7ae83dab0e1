"""Mutants of a valid project: no changed cell may go unnoticed or do harm."""
