"""The workstation's layout: what lives where.

<module>/                       the module's Delta table, partitioned by client_code
_rejects/<module>/              rows left out of it, a Delta table of the same partitions
_profiles/<module>/             what columns of publications are like; see profiles.py
_runs/<run_id>.json             the run reports
_runs_order/<number>.<run_id>   in which order these came; see report_order.py
_inputs/<module>.json           what its partitions were made from; see records.py
_arrivals/<module>.json         how often its sources change; see arrivals.py
_staging/<module>/<client>/     the last extracts: a manifest per lease, copies of SQL tables
_common/<module>/<product>/<submodule>/     the last extract of a SQL table that all clients share
_leases/<module>/               which run is making the module now
_under_way/<run_id>.json        the runs that have no report yet; see under_way.py
_kept/<module>/<client>/        rows that a replay of rejects joins anew
_outbox/                        the mails: waiting, done; see notifications/outbox.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ai_dataflow.config.blob_urls import is_blob_url, parse
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import Folder, open_folder
from ai_dataflow.workstation.reaching import reaching

PARTITION_COLUMN = "client_code"
PRODUCT_COLUMN = "product_code"
_PROBE = "_leases/probe"
_SPARE = ".cache/ai_dataflow/runs"
_SPARE_OUTBOX = ".cache/ai_dataflow/outbox"


@dataclass(frozen=True)
class Folders:
    """The workstation's folders."""

    root: Folder

    def dataset(self, module: str) -> Folder:
        """The Delta table of a module."""
        return self.root.folder(module)

    def rejects(self, module: str) -> Folder:
        """The Delta table of the rows left out of a module."""
        return self.root.folder(f"_rejects/{module}")

    def profiles(self, module: str) -> Folder:
        """The Delta table of what a module's columns were like, publication by publication."""
        return self.root.folder(f"_profiles/{module}")

    def reports(self) -> Folder:
        """The run reports."""
        return self.root.folder("_runs")

    def inputs(self) -> Folder:
        """The records of what partitions were made from."""
        return self.root.folder("_inputs")

    def arrivals(self) -> Folder:
        """The moments at which sources changed."""
        return self.root.folder("_arrivals")

    def staging(self, module: str, client: str = "") -> Folder:
        """The last extracts of a partition, or of all of a module."""
        return self.root.folder(f"_staging/{module}/{client}".rstrip("/"))

    def staged_clients(self, module: str) -> list[str]:
        """The clients that have extracts of a module."""
        return self.staging(module).folders()

    def common(self, module: str, source: SourceKey) -> Folder:
        """The last copy of a table that all clients of a module share."""
        return self.root.folder(f"_common/{module}/{source.product}/{source.submodule}")

    def common_sources(self, module: str) -> list[SourceKey]:
        """The tables that all clients of a module share, of which there are copies."""
        folder = self.root.folder(f"_common/{module}")
        return [
            SourceKey(product, submodule)
            for product in folder.folders()
            for submodule in folder.folder(product).folders()
        ]

    def kept(self, module: str) -> Folder:
        """The rows that are kept for replays of a module."""
        return self.root.folder(f"_kept/{module}")

    def leases(self, module: str = "") -> Folder:
        """The leases of a module, or of all of them."""
        return self.root.folder(f"_leases/{module}".rstrip("/"))

    def under_way(self) -> Folder:
        """The runs that are under way, and those that were cut off."""
        return self.root.folder("_under_way")

    def outbox(self) -> Folder:
        """The mails that wait, and what became of the others."""
        return self.root.folder("_outbox")


def open_workstation(settings: Settings) -> Folders:
    """Give the workstation of a project; nothing is created or checked yet."""
    url = settings.workstation.url
    if not is_blob_url(url):
        url = str(settings.folder / Path(url).expanduser())
    return Folders(open_folder(url, settings))


def settings_of(url: str, credentials: dict[str, str]) -> Settings:
    """Give the settings of a workstation that no project's file describes.

    What is wrong is told without the values: they may be secrets.

    Raises:
        DataflowError: CFG-003: the URL is blank.
        ValueError: the URL or the credentials are none that can be used.
    """
    if not url.strip():
        message, fix = "the URL is blank: it would be the current folder", "name the workstation"
        raise DataflowError(Diagnostic("CFG-003", message, place="Workstation(url)", fix=fix))
    account = parse(url).account if is_blob_url(url) else ""
    if credentials and not account:
        raise ValueError("credentials are for a storage account, and the workstation is a folder")
    storage = {account: credentials} if account else {}
    try:
        return Settings.model_validate(
            {"folder": Path.cwd(), "workstation": {"url": url}, "storage": storage}
        )
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        said = "; ".join(f"{'.'.join(map(str, p['loc'][2:]))}: {p['msg']}" for p in problems)
        raise ValueError(said) from None


def spare_reports(settings: Settings) -> Folder:
    """Give the local folder for reports that the workstation could not take."""
    return Folder(str(settings.folder / _SPARE))


def spare_outbox(settings: Settings) -> Folder:
    """Give the local folder for mails that the workstation could not take."""
    return Folder(str(settings.folder / _SPARE_OUTBOX))


def check_workstation(workstation: Folders) -> tuple[Diagnostic, ...]:
    """Look whether the workstation lets us in, to read, write and delete.

    A local folder is made when it is needed, and looked at then.
    """
    if workstation.root.account is None:
        return ()
    try:
        with reaching(workstation.root):
            workstation.root.folders()  # a listing of all files would be long
            # Always the same file: one that a killed run left is removed by the next run.
            workstation.root.write(_PROBE, b"")
            workstation.root.delete([_PROBE])
    except DataflowError as error:
        return error.diagnostics
    return ()


def partition_folder(client: str) -> str:
    """Give the folder of a client's files within a table, as Hive and Delta spell it."""
    return f"{PARTITION_COLUMN}={client}"
