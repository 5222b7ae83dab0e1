"""Files that Spark and LibreOffice write, read as another reader has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.sources.corpus import programs
from ai_dataflow_tests.sources.corpus.cases import Case
from ai_dataflow_tests.sources.corpus.reading import check

SPARK, OFFICE = list(programs.spark()), list(programs.office())
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # Spark's start is slow


@pytest.mark.parametrize("case", SPARK, ids=map(str, SPARK))
def test_what_spark_writes_is_read_as_another_reader_has_it(tmp_path: Path, case: Case) -> None:
    check(case, tmp_path)


@pytest.mark.skipif(
    not programs.OFFICE,
    reason="LibreOffice is not there: apt-get install --no-install-recommends libreoffice-calc",
)
@pytest.mark.parametrize("case", OFFICE, ids=map(str, OFFICE))
def test_what_libreoffice_saves_is_read_as_people_saw_it(tmp_path: Path, case: Case) -> None:
    check(case, tmp_path)
