"""Keys: how partitions and the sources in them are called, everywhere."""

from __future__ import annotations

from typing import NamedTuple


class PartitionKey(str):
    """A partition's key, `module|client`: the text that Dagster, reports and people have."""

    __slots__ = ()

    @classmethod
    def of(cls, module: str, client: str) -> PartitionKey:
        """Make the key of a client of a module."""
        return cls(f"{module}|{client}")

    @property
    def module(self) -> str:
        """The module's name."""
        return self.partition("|")[0]

    @property
    def client(self) -> str:
        """The client's code."""
        return self.partition("|")[2]


class SourceKey(NamedTuple):
    """Which source of a partition: a product's submodule."""

    product: str
    submodule: str

    def __str__(self) -> str:
        """Give what people call it."""
        return f"{self.product} · {self.submodule}"
