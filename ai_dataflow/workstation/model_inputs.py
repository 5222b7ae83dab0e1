"""What a model is trained on, told to MLflow: which dataset, which version, which part of it.

Counts alone are told of the rows: MLflow's server is no part of the workstation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.digests import digest
from ai_dataflow.config.extras import is_installed, not_installed
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.readers import open_version, read_dataset

if TYPE_CHECKING:
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.types import Schema

_DIGITS = 16
_MOST = 400  # letters of a tag, which MLflow cuts or refuses beyond 500
_NULLS = "null_count."
_TYPES: Mapping[Any, str] = {
    pl.Boolean: "boolean", pl.Int16: "integer", pl.Int32: "integer", pl.Int64: "long",
    pl.Float32: "float", pl.Float64: "double", pl.Decimal: "double", pl.Binary: "binary",
    pl.Date: "datetime", pl.Datetime: "datetime",
}  # fmt: skip


@dataclass(frozen=True)
class ModelInput:
    """A part of a dataset that a model is trained on, at one version.

    `digest` is of the files that the version names for the clients, and of the columns: the same
    version and the same part have the same one, whoever asks and when. `run_id` is the run that
    published the version, `snapshot` the run that was asked for; `rows`, `files`, `bytes` and
    `nulls`, by column where the table's log counts them, are of all rows of the clients.
    """

    module: str
    url: str
    version: int
    digest: str
    schema: pl.Schema = field(repr=False)
    clients: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    snapshot: str = ""
    run_id: str = ""
    rows: int = 0
    files: int = 0
    bytes: int = 0
    nulls: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def tags(self) -> dict[str, str]:
        """What MLflow's tags say of it."""
        said = {
            "module": self.module,
            "version": str(self.version),
            "snapshot": self.snapshot,
            "run_id": self.run_id,
            "clients": "all" if self.clients is None else _listed(self.clients),
            "columns": "all" if self.columns is None else _listed(self.columns),
        }
        return {f"ai_dataflow.{name}": text for name, text in said.items() if text}

    @property
    def profile(self) -> dict[str, Any]:
        """Counts, as MLflow shows them."""
        counts = {"num_rows": self.rows, "num_files": self.files, "num_bytes": self.bytes}
        return counts | {"nulls": dict(self.nulls)}


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= _MOST else f"{len(names)} of them"


def model_input(
    table: Folder,
    module: str,
    client: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    version: int | None = None,
    snapshot: str = "",
) -> ModelInput:
    """Describe a part of a dataset, at a version or the newest; see `Dataset.log_input`.

    Raises:
        DatasetNotFoundError: nothing is published there, for a client, or in that version.
        ColumnNotPublishedError: it has no such column.
        DataflowError: the workstation does not let us in.
    """
    delta = open_version(table, version, must_exist=True)
    number = int(delta.version())
    schema = read_dataset(table, client, columns, number).collect_schema()
    clients = None if client is None else _clients(client)
    files = _files(delta, clients)
    nulls = {
        name: int(files[_NULLS + name].sum())
        for name in schema
        if _NULLS + name in files.columns and not files[_NULLS + name].null_count()
    }
    with reaching(table):
        entry = delta.history(1)[0]
    return ModelInput(
        module=module,
        url=table.url,
        version=number,
        digest=_digest(files, columns),
        schema=schema,
        clients=clients,
        columns=None if columns is None else tuple(columns),
        snapshot=snapshot,
        run_id=str(entry.get("run_id", "")),
        rows=int(files["num_records"].sum()),
        files=files.height,
        bytes=int(files["size_bytes"].sum()),
        nulls=nulls,
    )


def _clients(client: str | Sequence[str]) -> tuple[str, ...]:
    return (client,) if isinstance(client, str) else tuple(sorted(set(client)))


def _files(delta: DeltaTable, clients: Sequence[str] | None) -> pl.DataFrame:
    """Give the files that a version names for some clients, with what the log counts of them."""
    files = pl.DataFrame(delta.get_add_actions(flatten=True))
    if clients is None:
        return files
    return files.filter(pl.col(f"partition.{PARTITION_COLUMN}").is_in(clients))


def _digest(files: pl.DataFrame, columns: Sequence[str] | None) -> str:
    """Give what tells one part of one version from all others; the columns' order is no matter.

    A data file has a name that no other ever had, so that its name stands for its content.
    """
    named = sorted((unquote(path), size) for path, size in files["path", "size_bytes"].iter_rows())
    return digest([named, None if columns is None else sorted(set(columns))])[:_DIGITS]


def log_to_mlflow(given: ModelInput, context: str) -> None:
    """Tell MLflow's active run of a part of a dataset; where none is active, MLflow starts one.

    Raises:
        DataflowError: CFG-022, where MLflow is not installed.
    """
    if not is_installed("mlflow.data"):
        raise DataflowError(not_installed("mlflow", "`log_input`", f"{given.module}.log_input"))
    import mlflow  # noqa: PLC0415 - an extra

    mlflow.log_input(mlflow_dataset(given), context=context or None, tags=given.tags)


def mlflow_dataset(given: ModelInput) -> MetaDataset:
    """Give a part of a dataset as MLflow has datasets: its description, and none of its rows."""
    from mlflow.data.delta_dataset_source import DeltaDatasetSource  # noqa: PLC0415
    from mlflow.data.meta_dataset import MetaDataset  # noqa: PLC0415

    class Counted(MetaDataset):
        """A dataset with the counts that we have of it."""

        @property
        def profile(self) -> dict[str, Any]:
            return given.profile

        def to_dict(self) -> dict[str, str]:
            return super().to_dict() | {"profile": json.dumps(given.profile)}

    source = DeltaDatasetSource(path=given.url, delta_table_version=given.version)
    return Counted(source, given.module, given.digest, _schema(given.schema))


def _schema(schema: pl.Schema) -> Schema:
    from mlflow.types import ColSpec, Schema  # noqa: PLC0415

    return Schema([ColSpec(_type(dtype), name) for name, dtype in schema.items()])


def _type(dtype: Any) -> Any:
    """Give a type as MLflow calls it; it has no decimal, and takes days for moments."""
    from mlflow.types import DataType  # noqa: PLC0415
    from mlflow.types.schema import Array, Object, Property  # noqa: PLC0415

    if isinstance(dtype, pl.List):
        return Array(_type(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return Object([Property(each.name, _type(each.dtype)) for each in dtype.fields])
    return DataType[_TYPES.get(dtype.base_type(), "string")]
