"""The catalogue of everything that can go wrong: one code, one title, one kind, one concern.

A code is stable: people search for it, write it in tickets and route mails by it. A retired code
is never used again. The *kind* groups codes in reports; the *concern* decides which team hears
of it (`source`: the product's data, `mapping`: the AI mapping sheet, `platform`: the rest).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Concern = Literal["source", "mapping", "platform"]


class Code(NamedTuple):
    """What a diagnostic code means to a person."""

    title: str
    kind: str
    concern: Concern


_TABLE_CHECKS = {
    "001": "unknown column",
    "002": "missing column",
    "003": "blank cell",
    "004": "not a usable name",
    "005": "not a yes or no",
}


def _table_codes(prefix: str, concern: Concern) -> dict[str, Code]:
    return {f"{prefix}-{n}": Code(title, "table", concern) for n, title in _TABLE_CHECKS.items()}


CODES: dict[str, Code] = {
    "CFG-001": Code("settings file not found", "settings", "platform"),
    "CFG-002": Code("settings file is not valid TOML", "settings", "platform"),
    "CFG-003": Code("unknown or invalid setting", "settings", "platform"),
    "CFG-004": Code("environment variable is not set", "settings", "platform"),
    "CFG-005": Code("table not found", "settings", "platform"),
    "CFG-006": Code("table cannot be read", "settings", "platform"),
    "CFG-007": Code("Dagster instance cannot be opened", "settings", "platform"),
    **_table_codes("CTL", "platform"),
    "CTL-006": Code("duplicate row", "table", "platform"),
    "CTL-007": Code("unknown mount", "location", "platform"),
    "CTL-008": Code("unknown SQL connection", "location", "platform"),
    "CTL-009": Code("not a location", "location", "platform"),
    "CTL-010": Code("unknown file format", "location", "platform"),
    "CTL-011": Code("nothing is mapped for this source", "coverage", "mapping"),
    **_table_codes("MAP", "mapping"),
    "MAP-006": Code("unknown ai_type", "mapping", "mapping"),
    "MAP-007": Code("one AI column, two types", "mapping", "mapping"),
    "MAP-008": Code("reserved column name", "mapping", "mapping"),
    "MAP-009": Code("AI column mapped twice from one source", "mapping", "mapping"),
    "MAP-010": Code("neither source_column nor transform", "mapping", "mapping"),
    "MAP-011": Code("transform does not compile", "mapping", "mapping"),
    "MAP-012": Code("AI column mapped by two joined submodules", "mapping", "mapping"),
    "MAP-013": Code("submodules share no key", "mapping", "mapping"),
    "MAP-014": Code("source column not found", "missing_column", "mapping"),
    "MAP-015": Code("column cannot become its ai_type", "mapping", "mapping"),
    "MAP-016": Code("mapping row that no active control row uses", "coverage", "mapping"),
    **_table_codes("TEM", "platform"),
    "TEM-006": Code("unknown concern", "table", "platform"),
    "TEM-007": Code("malformed address", "table", "platform"),
    "SRC-001": Code("source not found", "missing_source", "source"),
    "SRC-002": Code("source is empty", "missing_source", "source"),
    "SRC-003": Code("source cannot be read", "corrupt_source", "source"),
    "SRC-004": Code("file looks cut off", "corrupt_source", "source"),
    "SRC-005": Code("source changed while it was read", "changed_source", "source"),
    "SRC-006": Code("access denied", "access", "source"),
    "SRC-007": Code("database cannot be reached", "access", "source"),
    "SRC-008": Code("query failed", "query", "source"),
    "SRC-009": Code("no extract to merge", "missing_extract", "platform"),
    "SRC-010": Code("files of one source differ in their columns", "corrupt_source", "source"),
    "DAT-001": Code("many-to-many join", "join", "source"),
    "DAT-002": Code("rows unaccounted for", "conservation", "platform"),
    "DAT-003": Code("transform failed on the data", "transform", "mapping"),
    "WST-001": Code("workstation cannot be written", "publish", "platform"),
    "WST-002": Code("published column has another type", "publish", "mapping"),
    "WST-003": Code("another run published at the same time", "publish", "platform"),
    "RUN-001": Code("unknown partition", "run", "platform"),
    "RUN-002": Code("unexpected error", "internal", "platform"),
    "REJ-001": Code("value cannot become its ai_type", "reject", "source"),
    "REJ-002": Code("null in a required column", "reject", "source"),
    "REJ-003": Code("line has too few or too many fields", "reject", "source"),
}
