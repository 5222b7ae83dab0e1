"""The facets of OpenLineage that tell of a partition: its columns, where they come from, its rows.

Counts alone: no minimum, maximum or quantile, for those are row values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import polars as pl
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    base_subset_dataset,
    column_lineage_dataset,
    data_quality_metrics_dataset,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    storage_dataset,
)
from openlineage.client.generated.base import BaseFacet

from ai_dataflow import __version__
from ai_dataflow.config.keys import PartitionKey, SourceKey
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.lineage import Way, shaping, ways
from ai_dataflow.partition.result import Origin, PartitionResult
from ai_dataflow.runs.lineage.dataset_names import DatasetName, name_of, name_of_url
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.counts import SourceCounts
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.reports import PartitionReport

PRODUCER = f"urn:ai-dataflow:{__version__}"  # a name of such a kind has no underscore
_FIELD = schema_dataset.SchemaDatasetFacetFields
F = TypeVar("F", bound=BaseFacet)


def facet(kind: type[F], **fields: Any) -> F:
    """Make a facet that says that it is of ours."""
    return kind(producer=PRODUCER, **fields)


def published(
    place: Folders,
    key: PartitionKey,
    columns: tuple[AiColumn, ...],
    report: PartitionReport,
    result: PartitionResult | None,
    settings: Settings,
) -> Iterator[OutputDataset]:
    """Give what a partition wrote, or was to write: its part of the dataset, and of the rejects.

    Args:
        place: the workstation.
        key: the partition.
        columns: the AI columns of its module.
        report: what became of it.
        result: what was made, if anything was.
        settings: of the project.
    """
    facets: dict[str, DatasetFacet] = {
        "schema": schema(columns),
        "storage": facet(
            storage_dataset.StorageDatasetFacet, storageLayer="delta", fileFormat="parquet"
        ),
    }
    if result and report.status == "ok":
        facets["columnLineage"] = column_lineage(result, settings)
        facets["version"] = facet(
            dataset_version_dataset.DatasetVersionDatasetFacet, datasetVersion=str(report.version)
        )
        facets["dataQualityMetrics"] = metrics(report, len(result.data))
    written = len(result.data) if result else 0
    name = name_of_url(place.dataset(key.module).url)
    yield _output(name, key, facets, report.rows_published, report.bytes, written)
    if report.status == "ok" and report.rows_rejected:
        rejects = name_of_url(place.rejects(key.module).url)
        yield _output(rejects, key, {}, report.rows_rejected)


def _output(
    name: DatasetName,
    key: PartitionKey,
    facets: dict[str, DatasetFacet],
    rows: int,
    size: int | None = None,
    files: int | None = None,
) -> OutputDataset:
    partition = base_subset_dataset.Partition(dimensions={PARTITION_COLUMN: key.client})
    condition = base_subset_dataset.PartitionSubsetCondition(partitions=[partition])
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    is_written = files != 0
    return OutputDataset(
        name.namespace,
        name.name,
        facets=facets,
        outputFacets={
            "subset": facet(
                base_subset_dataset.OutputSubsetOutputDatasetFacet, outputCondition=condition
            ),
            **(
                {"outputStatistics": facet(statistics, rowCount=rows, size=size, fileCount=files)}
                if is_written
                else {}
            ),
        },
    )


def schema(columns: Iterable[AiColumn]) -> DatasetFacet:
    """Give the columns of a module's dataset, the product and the client with them."""
    fields = [_FIELD(c.name, c.ai_type, c.description or None) for c in columns]
    fields += [_FIELD(name, "string") for name in (PRODUCT_COLUMN, PARTITION_COLUMN)]
    return facet(schema_dataset.SchemaDatasetFacet, fields=fields)


def metrics(report: PartitionReport, files: int) -> DatasetFacet:
    """Give how many rows a partition has, and how many of them lack a value in each column."""
    columns: dict[str, int] = {}
    for counts in report.products.values():
        for name, filled in counts.filled.items():
            if not name.endswith("[]"):  # the elements of its lists
                columns[name] = columns.get(name, 0) + counts.rows_published - filled
    of_column = data_quality_metrics_dataset.ColumnMetrics
    return facet(
        data_quality_metrics_dataset.DataQualityMetricsDatasetFacet,
        rowCount=report.rows_published,
        bytes=report.bytes,
        fileCount=files,
        columnMetrics={
            name: of_column(nullCount=nulls, quantiles=None) for name, nulls in columns.items()
        },
    )


def column_lineage(result: PartitionResult, settings: Settings) -> DatasetFacet:
    """Give the source columns of each AI column, and those that decide which rows there are."""
    sources = {source.key: source for source in result.job.sources}
    names = {key: name_of(source.location, settings) for key, source in sources.items()}
    made_by = ways(result.job)
    types = {column.name: column.ai_type for column in result.job.columns}
    fields = {
        column: column_lineage_dataset.Fields(
            inputFields=[
                _input(names[key], origin.column, _direct(origin, sources[key], way, types[column]))
                for origin in of_column
                for key in [SourceKey(origin.product, origin.submodule)]
                for way in [made_by.get((key, column)) or made_by.get(_computed(key, column))]
                if key in names
            ]
        )
        for column, of_column in result.origins.items()
        if column in types
    }
    indirect = dict.fromkeys(shaping(result.job, result.origins))
    return facet(
        column_lineage_dataset.ColumnLineageDatasetFacet,
        fields=fields,
        dataset=[
            _input(names[key], name, column_lineage_dataset.Transformation("INDIRECT", influence))
            for key, name, influence in indirect
        ],
    )


def _computed(key: SourceKey, column: str) -> tuple[SourceKey, str]:
    return SourceKey(key.product, ""), column


def _input(
    dataset: DatasetName, field: str, how: column_lineage_dataset.Transformation
) -> column_lineage_dataset.InputField:
    return column_lineage_dataset.InputField(dataset.namespace, dataset.name, field, [how])


def _direct(
    origin: Origin, source: SourceJob, way: Way | None, ai_type: str
) -> column_lineage_dataset.Transformation:
    """Tell how a value comes from a source column: as it is, or transformed; a cast does so."""
    dtype = source.schema.get(origin.column) if source.schema else None
    is_cast = dtype is not None and dtype != ai_types.to_polars(ai_type)
    is_same = way is not None and way.is_plain and not is_cast
    cell = way.cell if way else None
    subtype = "IDENTITY" if is_same else "TRANSFORMATION"
    return column_lineage_dataset.Transformation("DIRECT", subtype, cell, masking=False)


def read(result: PartitionResult, settings: Settings) -> list[InputDataset]:
    """Give what a partition was made of: each file, folder or table once, with what was read."""
    extracts = {extract.key: extract for extract in result.extracts}
    datasets: dict[DatasetName, InputDataset] = {}
    columns = _columns_read(result)
    for source in result.job.in_order():
        name, extract = name_of(source.location, settings), extracts.get(source.key)
        product = result.counts.get(source.product)
        counts = product.sources.get(source.submodule) if product else None
        of_source = _read(name, source.schema, columns.get(source.key, {}), extract, counts)
        datasets.setdefault(name, of_source)
    return [*datasets.values()]


def _columns_read(result: PartitionResult) -> dict[SourceKey, dict[str, None]]:
    """Give the columns of each source that something is made of, in their order, each once."""
    columns: dict[SourceKey, dict[str, None]] = {}
    for origin in (origin for of_column in result.origins.values() for origin in of_column):
        key = SourceKey(origin.product, origin.submodule)
        columns.setdefault(key, {})[origin.column] = None
    return columns


def _read(
    name: DatasetName,
    types: Mapping[str, pl.DataType] | None,
    columns: Iterable[str],
    extract: Extract | None,
    counts: SourceCounts | None,
) -> InputDataset:
    fields = [_FIELD(c, str(types[c]) if types and c in types else None) for c in columns]
    facets: dict[str, DatasetFacet] = {}
    if fields:
        facets["schema"] = facet(schema_dataset.SchemaDatasetFacet, fields=fields)
    if extract and extract.version is not None:
        version = dataset_version_dataset.DatasetVersionDatasetFacet
        facets["version"] = facet(version, datasetVersion=str(extract.version))
    statistics = facet(
        input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
        rowCount=counts.rows_read if counts else None,
        size=extract.size if extract and not extract.staged else None,
        fileCount=len(extract.files) if extract and not extract.staged else None,
    )
    return InputDataset(
        name.namespace, name.name, facets=facets, inputFacets={"inputStatistics": statistics}
    )
