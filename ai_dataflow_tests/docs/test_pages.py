"""The generated pages are those of the code, and all that they list has a text and an example."""

from __future__ import annotations

import json
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

import ai_dataflow
from ai_dataflow import tables
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.settings import FILE_NAME, load_settings
from ai_dataflow.tables.column_texts import column_texts
from ai_dataflow_tests.docs import commands_page, json_page, python_page, settings_page, tables_page
from ai_dataflow_tests.docs.pages import PAGES, path
from ai_dataflow_tests.docs.settings_page import Setting

ANEW = "make it anew with .venv/bin/python -m ai_dataflow_tests.docs"
SETTINGS = list(settings_page.settings())
# What a section has to say beside the setting, so that the example loads.
_BESIDE = {
    "sql": 'url = "sqlite:///a.sqlite"',
    "formats": 'type = "csv"',
    "mail": 'host = "smtp.example.org"\nfrom = "a@example.org"',
    "schedule": 'cron = "0 2 * * *"',
}
_ALSO = {
    "client_secret": 'tenant_id = "t"\nclient_id = "c"',
    "client_certificate": 'tenant_id = "t"\nclient_id = "c"',
    "client_certificate_password":
        'tenant_id = "t"\nclient_id = "c"\nclient_certificate = "lyra.pem"',
    "user": 'password = "x"',
    "password": 'user = "robot"',
    "thousands": 'decimal = ","',
    "sheet": 'type = "excel"',
    "range": 'type = "excel"',
    "records": 'type = "json"',
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_that_of_the_code(name: str) -> None:
    assert path(name).read_text(encoding="utf-8") == PAGES[name](), ANEW


def test_each_setting_has_a_text_and_no_text_is_left_over() -> None:
    texts = settings_page.texts()
    said = {section: set(known) for section, known in texts.items()}
    assert said == {section: names for section, names in settings_page.names().items() if names}
    assert all(_is_said(entry) for known in texts.values() for entry in known.values())


def test_each_column_has_a_text_and_no_text_is_left_over() -> None:
    texts = column_texts()
    assert {name: set(known) for name, known in texts.items()} == {
        name: set(layout.columns) for name, (layout, _, _) in tables_page.TABLES.items()
    }
    assert all(_is_said(entry) for known in texts.values() for entry in known.values())


def test_each_table_that_people_edit_is_on_the_page() -> None:
    modules = (import_module(f"{tables.__name__}.{m.name}") for m in iter_modules(tables.__path__))
    layouts = [module.LAYOUT.prefix for module in modules if hasattr(module, "LAYOUT")]
    assert sorted(layouts) == sorted(layout.prefix for layout, _, _ in tables_page.TABLES.values())


def _is_said(entry: dict[str, Any]) -> bool:
    return bool(entry["text"].strip()) and "example" in entry


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.section}.{s.name}")
def test_the_example_of_a_setting_loads(
    setting: Setting, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _secrets().items():
        monkeypatch.setenv(name, value)
    (tmp_path / FILE_NAME).write_text(_file(setting), encoding="utf-8")
    load_settings(tmp_path)


def _file(setting: Setting) -> str:
    """Give a settings file with the example in it, as the page shows it."""
    line = f"{setting.name} = {settings_page.toml(setting.example)}"
    if not setting.section:
        return line
    beside = f"{_BESIDE.get(setting.section, '')}\n{_ALSO.get(setting.name, '')}".splitlines()
    values = {text.partition(" = ")[0]: text for text in (*beside, line) if text}
    heading = settings_page.heading(setting.section)
    account = heading.replace("<account>", "orionlake").replace("<name>", "one")
    return "\n".join([account, *values.values()])


def _secrets() -> dict[str, str]:
    """Give the variables that the examples name."""
    key = "a2V5"
    return {
        "ORION_KEY": key,
        "ORION_SAS": "sv=2024-11-04&sig=x",
        "ORION_CONNECTION": f"AccountName=orionlake;AccountKey={key}",
    } | dict.fromkeys(
        ("LYRA_CLIENT_SECRET", "LYRA_CERTIFICATE_PASSWORD", "POLICY_PASSWORD", "LYRA_PASSWORD",
         "SMTP_PASSWORD"), "x"
    )  # fmt: skip


def test_each_command_and_option_has_a_text() -> None:
    silent = [name for name, command in commands_page.commands() if not command.help]
    silent += [
        f"{name} {each.name}"
        for name, command in commands_page.commands()
        for each in commands_page.parameters(command)
        if not each.help
    ]
    assert silent == []


def test_each_document_of_json_and_each_part_has_a_text() -> None:
    schemas = [json.loads(f.read_text(encoding="utf-8")) for f in json_page.SCHEMAS.glob("*.json")]
    parts = {schema["$id"]: schema for schema in schemas}
    parts |= {name: part for schema in schemas for name, part in schema.get("$defs", {}).items()}
    assert [name for name, part in parts.items() if not part.get("description")] == []


def test_each_public_name_has_a_text() -> None:
    assert [each.name for each in python_page.PUBLIC if not python_page.meaning(each)] == []
    listed = {each.name for each in python_page.PUBLIC if each.module == "ai_dataflow"}
    assert listed == set(ai_dataflow.__all__)


def test_each_code_says_what_it_means_and_what_to_do() -> None:
    texts = ("title", "means", "example", "cure")
    assert [c.code for c in CODES.values() if not all(getattr(c, text) for text in texts)] == []
