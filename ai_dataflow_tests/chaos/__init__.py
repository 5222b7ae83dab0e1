"""The kill test: runs that are killed at every write, while a reader looks. See `rounds`."""
