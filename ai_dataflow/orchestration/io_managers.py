"""The workstation's front door in Dagster: `ai_dataset` as the input of other assets.

A downstream asset with the same partitions gets its partitions of the dataset in the type that it
asks for: `pl.LazyFrame`, `pl.DataFrame`, `pd.DataFrame` or `pa.Table`. For several modules at
once it asks for `dict[str, <type>]` and gets one frame per module.
"""

from collections.abc import Callable
from itertools import groupby
from typing import Any, get_args, get_origin

import dagster as dg
import polars as pl

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.orchestration.resources import ProjectResource
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.readers import read_dataset

Converter = Callable[[pl.LazyFrame], Any]


class WorkstationIOManager(dg.ConfigurableIOManager):
    """Loads partitions of `ai_dataset`; the step that makes them publishes them itself."""

    project: dg.ResourceDependency[ProjectResource]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse: what is published goes through the mapping sheet and one commit."""
        raise dg.DagsterInvariantViolationError(
            f"{context.asset_key.to_user_string()} cannot be written through the workstation's IO "
            "manager: give it another io_manager_key"
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the partitions that the downstream asset's run is about."""
        wanted = context.dagster_type.typing_type
        modules = self._frames(context)
        if get_origin(wanted) is dict:
            convert = _converter(get_args(wanted)[-1])
            return {module: convert(frame) for module, frame in modules.items()}
        if len(modules) != 1:
            raise dg.DagsterInvariantViolationError(
                f"the partitions are of {len(modules)} modules ({', '.join(modules)}), whose "
                "columns differ: annotate the input as dict[str, …] to get one frame per module"
            )
        return _converter(wanted)(next(iter(modules.values())))

    def _frames(self, context: dg.InputContext) -> dict[str, pl.LazyFrame]:
        workstation = open_workstation(self.project.settings())
        keys = map(PartitionKey, context.asset_partition_keys)
        ordered = sorted(keys, key=lambda key: (key.module, key.client))
        return {
            module: read_dataset(workstation.dataset(module), [key.client for key in group])
            for module, group in groupby(ordered, key=lambda key: key.module)
        }


def _converter(wanted: Any) -> Converter:
    converters = _converters()
    if wanted is Any:
        return converters[pl.LazyFrame]
    if wanted not in converters:
        names = ", ".join(f"{kind.__module__}.{kind.__name__}" for kind in converters)
        raise dg.DagsterInvariantViolationError(
            f"ai_dataset cannot be loaded as {wanted}; annotate the input as one of {names}"
        )
    return converters[wanted]


def _converters() -> dict[Any, Converter]:
    import pandas as pd  # noqa: PLC0415 - their imports are for those who load an input
    import pyarrow as pa  # noqa: PLC0415

    return {
        pl.LazyFrame: lambda frame: frame,
        pl.DataFrame: lambda frame: frame.collect(),
        pd.DataFrame: lambda frame: frame.collect().to_pandas(),
        pa.Table: lambda frame: frame.collect().to_arrow(),
    }
