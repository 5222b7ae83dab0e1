"""What Dagster shows of a partition: counts, schema, lineage, links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from ai_dataflow.engine.job import AiColumn, PartitionResult, Stage
from ai_dataflow.workstation.paths import PARTITION_COLUMN, PRODUCT_COLUMN, Workstation


def dataset_metadata(
    result: PartitionResult, version: int, workstation: Workstation, report: str
) -> dict[str, Any]:
    """Give the metadata of a published partition of `ai_dataset`."""
    job = result.job
    lineage = {"dagster/column_lineage": column_lineage(result)} if result.origins else {}
    replayed = result.total("rows_replayed")
    return {
        **lineage,
        "dagster/partition_row_count": result.total("rows_published"),
        "dagster/column_schema": table_schema(job.columns),
        "dagster/uri": workstation.dataset(job.module).url,
        "rows_read": result.total("rows_read"),
        "rows_rejected": result.total("rows_rejected"),
        "rows_merged": result.total("rows_merged"),
        **({"rows_replayed": replayed} if replayed else {}),
        "seconds": round(result.seconds, 3),
        "bytes": result.bytes,
        "delta_version": version,
        "report": dg.MetadataValue.path(report),
    }


def extract_metadata(result: PartitionResult, stage: Stage) -> Mapping[str, Any]:
    """Give the metadata of a partition of an extract: what was pinned or copied."""
    staged = stage == "azure_sql_extract"
    own = [extract for extract in result.extracts if extract.staged == staged]
    return {
        "sources": len(own),
        "files": sum(len(extract.files) for extract in own),
        "bytes": sum(extract.size for extract in own),
        "locations": [extract.name for extract in own],
        **{f"{e.product} · {e.submodule}": e.note for e in own if e.note},
    }


def table_schema(columns: tuple[AiColumn, ...]) -> dg.TableSchema:
    """Give the dataset's columns, with types and descriptions."""
    return dg.TableSchema(
        [
            *(
                dg.TableColumn(column.name, column.ai_type, column.description or None)
                for column in columns
            ),
            dg.TableColumn(PRODUCT_COLUMN, "string", "the product that the row comes from"),
            dg.TableColumn(PARTITION_COLUMN, "string", "the client; the table's partition"),
        ]
    )


def column_lineage(result: PartitionResult) -> dg.TableColumnLineage:
    """Give the source columns of each AI column, as `PRODUCT.submodule.column` of an extract."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(
                    asset_key=dg.AssetKey(origin.stage),
                    column_name=f"{origin.product}.{origin.submodule}.{origin.column}",
                )
                for origin in origins
            ]
            for column, origins in result.origins.items()
        }
    )
