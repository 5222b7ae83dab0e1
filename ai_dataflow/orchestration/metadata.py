"""What Dagster shows of a partition: counts, schema, lineage, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import dagster as dg

from ai_dataflow.config.digests import digest
from ai_dataflow.config.grouped import grouped
from ai_dataflow.extracts.stages import EXTRACTS, Stage
from ai_dataflow.orchestration.fill_tables import card_command
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.result import Origin, PartitionResult
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.reports import COUNTS, FURTHER, ErrorReport, UnusualReport

# A partition without sources of a kind is materialized all the same: its dataset needs both.
_NO_SOURCES: dict[Stage, str] = {
    "adls_extract": "none of this partition's sources are files",
    "azure_sql_extract": "none of this partition's sources are SQL tables",
}

Origins = tuple[tuple[str, tuple[Origin, ...]], ...]
_DATA_VERSION = "dagster/data_version"
_INPUT_VERSION = "dagster/input_data_version/"


_KEPT = 64  # a module's partitions have most of their metadata in common, the very same objects


def dataset_metadata(
    result: PartitionResult, version: int, workstation: Folders, report: str
) -> dict[str, Any]:
    """Give the metadata of a published partition of `ai_dataset`.

    In the order of a person's questions: how many rows became what, where they are, what they are.
    """
    job, origins = result.job, tuple(result.origins.items())
    columns = {"dagster/column_lineage": column_lineage(origins)} if origins else {}
    return {
        **columns,
        **_counts(result, workstation),
        **_united(result),
        "delta_version": version,
        "dagster/uri": workstation.dataset(job.module).url,
        "dagster/column_schema": table_schema(job.columns),
        "dagster/partition_row_count": result.total("rows_published"),
        "seconds": round(result.seconds, 3),
        "bytes": result.bytes,
        "report": dg.MetadataValue.path(report),
        "data_card": card_command(job.module),
        **({"lineage": lineage_table(job.columns, origins)} if origins else {}),
    }


def _counts(result: PartitionResult, workstation: Folders) -> dict[str, Any]:
    """Give what became of the rows: read = rejected + merged + published, but for replays."""
    counts: dict[str, Any] = {name: result.total(name) for name in COUNTS}
    counts |= {name: count for name in FURTHER if (count := result.total(name))}
    if replayed := result.total("rows_replayed"):
        counts["rows_replayed"] = replayed
    if counts["rows_rejected"]:
        counts["rejects"] = dg.MetadataValue.path(workstation.rejects(result.job.module).url)
    return counts


def unusual_table(unusual: Sequence[UnusualReport]) -> dg.TableMetadataValue:
    """Give what is unusual of a partition: shares and distances, and where to look."""
    names = ("product", "ai_column", "kind", "message", "place", "owner")
    records = [dg.TableRecord({name: getattr(one, name) for name in names}) for one in unusual]
    return dg.MetadataValue.table(records)


def _united(result: PartitionResult) -> dict[str, Any]:
    """Say how columns were read that files of one source do not have alike, if there are any."""
    columns = [
        f"{product} · {submodule}: `{column}` {how}"
        for product, counts in result.counts.items()
        for submodule, source in counts.sources.items()
        for column, how in source.united.items()
    ]
    return {"united": columns} if columns else {}


def extract_metadata(result: PartitionResult, stage: Stage) -> Mapping[str, Any]:
    """Give the metadata of a partition of an extract: what was pinned or copied."""
    staged = stage == "azure_sql_extract"
    extracts = [extract for extract in result.extracts if extract.staged == staged]
    return {
        "sources": len(extracts),
        "files": sum(len(extract.files) for extract in extracts),
        "bytes": sum(extract.size for extract in extracts),
        "locations": [extract.name for extract in extracts] or _NO_SOURCES[stage],
        **{f"{e.product} · {e.submodule}": e.note for e in extracts if e.note},
    }


def extract_version(result: PartitionResult, stage: Stage) -> str:
    """Give a digest of what an extract of a partition has: Dagster's *data version* of it."""
    staged = stage == "azure_sql_extract"
    extracts = sorted((e for e in result.extracts if e.staged == staged), key=lambda e: e.source)
    # Where nothing tells a table's state, the name of its copy does: no two are alike.
    states = [(e.source, e.fingerprint or [file.path for file in e.files]) for e in extracts]
    return digest(states)[:16]


def version_tags(result: PartitionResult, stage: Stage) -> dict[str, str]:
    """Give the tags by which Dagster tells whether a dataset was made from the present extracts.

    See "Asset versioning" in Dagster's documentation: a dataset whose extracts were made
    anew since is shown as *unsynced*. A replay reads no extract, and says nothing.
    """
    if not result.extracts:
        return {}
    if stage != "ai_dataset":
        return {_DATA_VERSION: extract_version(result, stage)}
    versions = {extract: extract_version(result, extract) for extract in EXTRACTS}
    inputs = {f"{_INPUT_VERSION}{extract}": version for extract, version in versions.items()}
    return {_DATA_VERSION: result.publication, **inputs}


@lru_cache(maxsize=_KEPT)
def table_schema(columns: tuple[AiColumn, ...]) -> dg.TableSchemaMetadataValue:
    """Give the dataset's columns, with types and descriptions."""
    return dg.MetadataValue.table_schema(
        dg.TableSchema(
            [
                *(_table_column(column) for column in columns),
                dg.TableColumn(PRODUCT_COLUMN, "string", "the product that the row comes from"),
                dg.TableColumn(PARTITION_COLUMN, "string", "the client; the table's partition"),
            ]
        )
    )


def _table_column(column: AiColumn) -> dg.TableColumn:
    rule, notes = column.rule, column.notes
    said = [column.description, *(f"{name}: {text}" for name, text in notes.items())]
    return dg.TableColumn(
        column.name,
        column.ai_type,
        "; ".join(filter(None, said)) or None,
        constraints=dg.TableColumnConstraints(
            nullable=not rule.required, unique=rule.is_key, other=list(rule.holds)
        )
        if rule
        else None,
    )


@lru_cache(maxsize=_KEPT)
def column_lineage(origins: Origins) -> dg.TableColumnLineageMetadataValue:
    """Give the source columns of each AI column, as `PRODUCT.submodule.column` of an extract."""
    return dg.MetadataValue.column_lineage(
        dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(
                        asset_key=dg.AssetKey(origin.stage),
                        column_name=f"{origin.product}.{origin.submodule}.{origin.column}",
                    )
                    for origin in sources
                ]
                for column, sources in origins
            }
        )
    )


@lru_cache(maxsize=_KEPT)
def lineage_table(columns: tuple[AiColumn, ...], origins: Origins) -> dg.MarkdownMetadataValue:
    """Give the same as a Markdown table; Dagster's own pages show column lineage nowhere.

    Two columns, however many products there are: their cells can wrap, a wide table cannot.
    """
    by_column = dict(origins)
    rows = [f"| {column.name} | {_sources(by_column.get(column.name, ()))} |" for column in columns]
    return dg.MetadataValue.md("\n".join(["| AI column | from |", "|---|---|", *rows]))


def _sources(origins: Sequence[Origin]) -> str:
    """Give the source columns, product by product."""
    products = sorted(grouped(origins, lambda origin: origin.product).items())
    return (
        "; ".join(f"{name}: {', '.join(map(_as_code, group))}" for name, group in products) or "–"
    )


def _as_code(origin: Origin) -> str:
    """Show a source column as it is: it may have any character, also those of Markdown."""
    name = f"{origin.submodule}.{origin.column}"
    return "`" + name.replace("`", "'").replace("|", "\\|") + "`"


def failure_metadata(error: ErrorReport) -> dict[str, Any]:
    """Give what a person needs to know of a partition that was not published."""
    return {
        "failure": f"{error.code} {error.message}",
        "fix": error.fix or f"see `ai-dataflow help {error.code}`",
        "place": error.place,
        "owner": error.owner,
    }
