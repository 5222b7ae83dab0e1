"""Which computation makes the datasets: what one version made, another makes again."""

from __future__ import annotations

# Raised by hand, in the change after which the same inputs may give other content: other values,
# other rejects, another order. Moving code, or making it faster, leaves it.
COMPUTATION = "8"
# Older names of what computes the same. None does: 0.1.0 (a digest of its code) and 1 had Polars'
# SQL compile transforms, where whole numbers wrapped around and text was counted in bytes. 2
# published rows that a join had left without a required value, and rounded halves of floats to even
# where they become decimals, among what docs/transforms.md says. 3 published days outside the years
# 1 to 9999 where no type changes, and rejected the first and the last of instants with a zone. 4
# rejected all rows of a CSV whose rows, and not its header, end with a delimiter, let numbers of
# several files of JSON lines pass through a float where those had several types, took the first
# value of a key that an object of JSON has twice, and gave large floats a fraction as decimals. 5
# published days that nanoseconds do not reach as 2262-04-11 where Spark had written them (INT96),
# and rejected UUIDs of 16 bytes that become texts. 6 cut the fraction off a time of day that
# becomes a text, and read bare files of a Delta table, rows among them that the table has no more.
# 7 took the second 60 of any minute for the first of the next one.
_THE_SAME: frozenset[str] = frozenset()
# The same for the copies of SQL tables, which hold a source's columns as they are. What 0.1.0 and 1
# copied may have rows of another client, whose code a collation takes for the same. 2 took bytes
# that are no text, in SQLite's columns of texts and blobs, for their hexadecimal spelling.
COPYING = "3"
_THE_SAME_COPIES: frozenset[str] = frozenset()


def current_name(computation: str) -> str:
    """Give the present name of a computation: an older one that computes the same has none else."""
    return COMPUTATION if computation in _THE_SAME else computation


def copying_names() -> tuple[str, ...]:
    """Give all names of what copies tables, the present one first."""
    return (COPYING, *sorted(_THE_SAME_COPIES))
