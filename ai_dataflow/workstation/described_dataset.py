"""What a dataset tells other programs of itself: its contract, and what MLflow logs of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import columns_of
from ai_dataflow.workstation.contracts import contract_of
from ai_dataflow.workstation.dataset_versions import version_in
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.model_inputs import ModelInput, log_to_mlflow, model_input
from ai_dataflow.workstation.readers import open_version


class DescribedDataset:
    """A module's dataset, as other programs know it."""

    module: str
    _folders: Folders

    @property
    def _table(self) -> Folder:
        return self._folders.dataset(self.module)

    def contract(self) -> dict[str, Any]:
        """Give what its readers may rely on, as the Open Data Contract Standard has it.

        `ai-dataflow contract` adds what the project knows: what must hold, codes, teams.

        Raises:
            DatasetNotFoundError: nothing is published under that name.
            DataflowError: the workstation does not let us in.
        """
        columns = columns_of(open_version(self._table, must_exist=True))
        return contract_of(self._table.url, self.module, columns)

    def log_input(
        self,
        context: str = "training",
        client: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        *,
        snapshot: str | None = None,
    ) -> ModelInput:
        """Tell MLflow's active run which version, and which part of it, a model is trained on.

        MLflow gets the module as the dataset's name, a digest, the schema, the address with the
        version, counts of rows, files and nulls; as tags the version, the run that published it,
        the snapshot, clients and columns. Where no run is active, MLflow starts one. Read the same
        part with `scan(client, columns, version=logged.version)`.

        Args:
            context: what for, such as `training` or `evaluation`.
            client: one client's code, several, or None for all.
            columns: the columns, or None for all.
            version: the number of a version; None for the newest.
            snapshot: the id of a run: the version as it was when that run ended.

        Returns:
            What was logged, with the number of the version.

        Raises:
            DatasetNotFoundError: nothing is published under that name, for that client, or in that
                version; there is no such snapshot.
            ColumnNotPublishedError: it has no such column.
            ValueError: both a version and a snapshot are given.
            DataflowError: MLflow is not installed (CFG-022), or the workstation does not let us in.
        """
        if version is not None and snapshot is not None:
            raise ValueError("give one of version and snapshot")
        number = version_in(self._folders, self.module, snapshot) if snapshot else version
        given = model_input(self._table, self.module, client, columns, number, snapshot or "")
        log_to_mlflow(given, context)
        return given
