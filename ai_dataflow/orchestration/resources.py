"""Resources: the project as a Dagster resource, configured by the path of its settings file."""

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ai_dataflow.config.diagnostics import DataflowError, redacted
from ai_dataflow.config.interrupts import heeding, taking_signals
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.planning.draft import Draft
from ai_dataflow.runs.prospect import read_draft
from ai_dataflow.tables.project import Project, load_project


class ProjectResource(dg.ConfigurableResource[Project]):
    """The project of this code location. It is read anew for every run.

    `config` is the settings file or its folder; empty means `AI_DATAFLOW_CONFIG`, else the
    current folder.
    """

    config: str = ""

    def settings(self) -> Settings:
        """Read the settings alone.

        Raises:
            dg.Failure: they cannot be used; its description is what a person should read.
        """
        with as_failure():
            return load_settings(self.config or None)

    def read(self) -> Project:
        """Read the settings and the tables.

        Raises:
            DataflowError: they cannot be used.
        """
        return load_project(self.config or None)

    def draft(self) -> Draft:
        """Read the settings and the tables, and plan by them; see `read_draft`.

        Raises:
            dg.Failure: they cannot be used.
        """
        with as_failure():
            return read_draft(self.config or None)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let a run that is canceled publish what is done, and report, before Dagster ends it."""
    names: dict[int, str] = {signal.SIGINT: "cancellation", signal.SIGTERM: "SIGTERM"}
    with taking_signals(names), heeding():
        yield


@contextmanager
def as_failure() -> Iterator[None]:
    """End a step in a `Failure` that a person can read, and that quotes nothing (P10).

    Dagster stores an exception with its message and those of its causes: what a foreign library
    says may hold a URL with its signature, or a value.
    """
    try:
        yield
    except DataflowError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        where = "".join(traceback.format_tb(error.__traceback__))
        text = f"{type(error).__name__}: {redacted(error)}\n{where}"
        raise dg.Failure(text, allow_retries=False) from None
