"""`ai_dataflow.toml`: found, read, filled in from the environment, and never telling secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings, config_file, load_settings
from ai_dataflow_tests.projects import text_file

FILE = "ai_dataflow.toml"


def load(folder: Path, toml: str) -> Settings:
    return load_settings(text_file(folder, FILE, toml))


def problems(folder: Path, toml: str) -> list[Diagnostic]:
    with pytest.raises(DataflowError) as error:
        load(folder, toml)
    return list(error.value.diagnostics)


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert settings == Settings(folder=tmp_path)
    assert settings.control_table == "control_table.csv"


@pytest.mark.parametrize("given", [FILE, ""], ids=["file", "folder"])
@pytest.mark.parametrize("way", ["argument", "variable", "current folder"])
def test_the_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, given: str
) -> None:
    file = text_file(tmp_path, FILE, "")
    if way == "variable":
        monkeypatch.setenv("AI_DATAFLOW_CONFIG", str(tmp_path / given))
    if way == "current folder":
        monkeypatch.chdir(tmp_path)
    assert config_file(tmp_path / given if way == "argument" else None) == file


def test_settings_know_the_file_that_they_came_from(tmp_path: Path) -> None:
    file = text_file(tmp_path, "nightly.toml", "")
    assert load_settings(file).file == file


@pytest.mark.parametrize("missing", ["nowhere.toml", "nowhere/ai_dataflow.toml"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(DataflowError) as error:
        load_settings(tmp_path / missing)
    (problem,) = error.value.diagnostics
    assert (problem.code, problem.place) == ("CFG-001", str(tmp_path / missing))


def test_what_is_no_toml_is_refused_at_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, 'teams = "teams.csv"\nmounts = x\n')
    assert problem.code == "CFG-002"
    assert problem.place.startswith(str(tmp_path / FILE))
    assert "line 2" in problem.message


def test_a_file_that_is_not_utf_8_is_told_its_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes('teams = "teams.csv"\n# für'.encode("latin-1"))
    with pytest.raises(DataflowError) as error:
        load_settings(tmp_path / FILE)
    (problem,) = error.value.diagnostics
    assert (problem.code, problem.message) == ("CFG-002", "line 2 is not UTF-8")
    assert problem.fix == "save the file as UTF-8"


@pytest.mark.parametrize(
    ("toml", "setting", "says"),
    [
        ('control_tabel = "a.csv"', "control_tabel", "did you mean `control_table`?"),
        ("[execution]\nwrkers = 2", "execution.wrkers", "did you mean `workers`?"),
        ("[execution]\nworkers = 0", "execution.workers", "must be from 1 to 256"),
        ("[sql.policydb]", "sql.policydb.url", "is missing"),
        ("workers = 4", "workers", "it is one of [execution]"),
        ("[mail]\nhost='a'\nfrom='a@b.de'\nworkers = 4", "mail.workers", "one of [execution]"),
        ("[execution]\nteams = 't.csv'", "execution.teams", "it is one of the top of the file"),
        ("[spark]\nremote = 'spark://a:7077'", "spark.remote", "is no Spark Connect server"),
        ("[spark]\nremote = 'sc://a'\nmaster = 'yarn'", "spark", "both remote and master"),
        ('folder = "/etc"', "folder", "is not a setting"),
        ("teams = 5", "teams", "string"),
    ],
)
def test_a_wrong_setting_is_called_by_its_name(
    tmp_path: Path, toml: str, setting: str, says: str
) -> None:
    (problem,) = problems(tmp_path, toml)
    assert (problem.code, problem.place) == ("CFG-003", f"{FILE}:{setting}")
    assert says in problem.message


@pytest.mark.parametrize(
    ("toml", "limits"),
    [
        ('[sql.a]\nurl = "sqlite://"\nmax_connections = 0', "from 1 to 256"),
        ('[sql.a]\nurl = "sqlite://"\nquery_timeout = 0', "at least 1"),
        ("[execution]\nretry_seconds = 1000", "from 0 to 280"),
        ("[execution]\nworkers = 257", "from 1 to 256"),
        ("[modules.claims]\nmin_coverage = 80", "from 0 to 1"),
    ],
)
def test_a_number_out_of_range_is_told_the_range(tmp_path: Path, toml: str, limits: str) -> None:
    (problem,) = problems(tmp_path, toml)
    assert problem.message.endswith(f"is out of range: it must be {limits}")
    assert problem.fix == f"set it to a number that is {limits}"


def test_what_is_no_number_is_told_the_range_too(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[execution]\nworkers = "many"')
    assert "valid integer" in problem.message
    assert problem.fix == "set it to a number that is from 1 to 256"


def test_variables_are_filled_in_wherever_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOT", "/lake")
    monkeypatch.setenv("EMPTY", "")
    settings = load(
        tmp_path,
        """
        teams = "${ROOT}/${EMPTY}teams.csv"   # not ${NOWHERE}
        # ${NOT_READ} either
        [mounts]
        orion = "${ROOT}/orion"
        """,
    )
    assert settings.teams == "/lake/teams.csv"
    assert settings.mounts == {"orion": "/lake/orion"}


def test_missing_variables_are_named_all_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        teams = "${NO_TEAMS}"
        # ${IN_A_COMMENT}
        [mounts]
        orion = "${NO_ORION}/a/${NO_TEAMS}"
        """,
    )
    assert [(p.code, p.place) for p in found] == [
        ("CFG-004", f"{FILE}:${{NO_TEAMS}}"),
        ("CFG-004", f"{FILE}:${{NO_ORION}}"),
    ]
    assert "`NO_ORION`" in found[1].message


def test_missing_variables_and_wrong_settings_come_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, 'teams = "${NO_TEAMS}"\nmonts = "x"\n')
    assert sorted(p.code for p in found) == ["CFG-003", "CFG-004"]


SECRET = "hunter2"  # noqa: S105 - what must not appear


def test_a_password_never_shows_in_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    url = "mssql+pyodbc://sa:${DB_PASSWORD}@db/policy"
    settings = load(tmp_path, f'[sql.policydb]\nurl = "{url}"\n')
    assert settings.sql["policydb"].url.get_secret_value().count(SECRET) == 1
    assert SECRET not in f"{settings} {settings!r} {settings.sql} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    "toml",
    [
        '[sql]\npolicydb = "mssql://sa:${DB_PASSWORD}@db"',
        '[sql.policydb]\nurl = ["mssql://sa:${DB_PASSWORD}@db"]',
        '[sql.policydb]\nurl = "sqlite://"\npassword = "${DB_PASSWORD}"',
        '[execution]\nengine = "${DB_PASSWORD}"',
        'mounts = "${DB_PASSWORD}"',
        'password = "hunter2',
    ],
)
def test_a_password_never_shows_in_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str
) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    for problem in problems(tmp_path, toml):
        assert SECRET not in f"{problem} {problem!r} {problem.to_json()}"
