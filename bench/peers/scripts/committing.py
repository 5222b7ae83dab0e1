"""What all scripts end with: files in folders `client_code=…` become a Delta table."""

from deltalake import Field, Schema, convert_to_deltalake
from deltalake.schema import PrimitiveType


def commit(table: str) -> None:
    """Make a Delta table of a folder of files."""
    client = Field("client_code", PrimitiveType("string"), nullable=True)
    convert_to_deltalake(table, partition_by=Schema([client]), partition_strategy="hive")
