"""Checks of the tables against each other, before any data is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing, nearest
from ai_dataflow.config.grouped import grouped
from ai_dataflow.planning.findings import Findings, is_partition
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT, MappingRow
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.table import NAME_RULE, Names
from ai_dataflow.tables.teams import ANY, Team


def check_product(sources: Sequence[SourceJob]) -> list[Diagnostic]:
    """Check the sources of one product in one partition: do their keys and columns line up?"""
    keyed = [source for source in sources if source.key_columns]
    return [*_no_shared_key(keyed), *_mapped_by_two(keyed)]


def _no_shared_key(keyed: Sequence[SourceJob]) -> Iterable[Diagnostic]:
    """The join goes from source to source; each must share a key with those before it."""
    keys: list[str] = list(keyed[0].key_columns) if keyed else []
    for source in keyed[1:]:
        if not set(keys) & set(source.key_columns):
            row = next(row for row in source.mappings if row.is_key)
            yield row.problem(
                "MAP-013",
                "is_key",
                f"`{source.submodule}` has the keys {listing(source.key_columns)}; the submodules "
                f"that it is joined to have {listing(keys)}",
                "mark a key that both have, or no key to append the rows",
            )
        keys += source.key_columns


def _mapped_by_two(keyed: Sequence[SourceJob]) -> Iterable[Diagnostic]:
    """Two joined submodules cannot both give a column: which value would be right?"""
    first: dict[str, MappingRow] = {}
    for source in keyed:
        for row in source.mappings:
            other = first.setdefault(row.ai_column, row)
            if other is not row and not (row.is_key and other.is_key):
                yield row.problem(
                    "MAP-012",
                    "ai_column",
                    f"`{row.ai_column}` comes from `{other.submodule}` and from "
                    f"`{source.submodule}`, which are joined",
                    "map it from one of them, or mark it as a key of both",
                )


def check_complete(findings: Findings, active: Sequence[ControlRow]) -> None:
    """Find clients that lack a submodule which the product's other clients of a module have.

    A typo in a client's code looks like this: two partitions, each with a part of the sources.
    """
    named = (row for row in active if is_partition(row.partition) and _has_names(row))
    for (_, product), of_product in grouped(named, lambda r: (r.module, r.product)).items():
        submodules = {row.submodule for row in of_product}
        for client, rows in grouped(of_product, lambda row: row.client).items():
            if lacking := sorted(submodules - {row.submodule for row in rows}):
                findings.add(_incomplete(rows[0], product, client, lacking), rows)


def _has_names(row: ControlRow) -> bool:
    return all(re.fullmatch(NAME_RULE, name) for name in (row.product, row.submodule))


def _incomplete(row: ControlRow, product: str, client: str, lacking: list[str]) -> Diagnostic:
    return row.problem(
        "CTL-015",
        "client_code",
        f"other clients of {product} have {listing(lacking)} too; `{client[:80]}` has no such row",
        "add the row, or correct the client_code",
        severity="warning",
    )


def check_unused(findings: Findings, project: Project, active: Sequence[ControlRow]) -> None:
    """Find mapping rows that no active control row uses.

    Rows whose name is near a known one, and whose AI columns are just what is missing there, are
    taken for a typo, which would make columns of nulls: errors, which hold back the partitions that
    they seem to be about. Others wait for their product or module: a warning, once for each source.
    """
    used, spelled = _names(active), _names(project.control)
    # A blank submodule is no name that is missing: such a row reads the product's AI columns.
    named = (row for row in project.mapping if row.module and row.product)
    unused = (row for row in named if row.names not in used)
    for names, rows in grouped(unused, lambda row: row.names).items():
        column, name, values = _odd_one(names, used)
        meant = "" if names in spelled else nearest(name, values)
        touched = [row for row in active if meant and _is_meant(row, names, column, meant)]
        if _maps_any(project.mapping, touched, {row.ai_column for row in rows}):
            touched = []  # a source of its own, beside the one that it is near to
        near = did_you_mean(name, values) if meant else ""
        for row in rows if touched else rows[:1]:
            problem = row.problem(
                "MAP-016",
                column,
                f"no active control row has the {column} `{name[:80]}`{near}",
                "correct the name, or add the control table's rows for it",
                severity="error" if touched else "warning",
            )
            findings.add(problem if touched else _about(problem, row), touched)


def _maps_any(mapping: Iterable[MappingRow], rows: Iterable[ControlRow], columns: set[str]) -> bool:
    """Tell whether the sources of control rows already map any of these AI columns."""
    sources = _names(rows)
    return any(row.ai_column in columns and row.names in sources for row in mapping)


def _names(rows: Iterable[ControlRow]) -> set[Names]:
    """Give the names that mapping rows can have in these control rows, `*` rows too."""
    exact = {names for row in rows for names in (row.names, (row.module, row.product, ""))}
    return exact | {(module, EVERY_PRODUCT, submodule) for module, _, submodule in exact}


def _about(problem: Diagnostic, row: MappingRow) -> Diagnostic:
    """Give a problem the scope of its row, which finds the owner where no partition is touched."""
    product = "" if row.product == EVERY_PRODUCT else row.product
    return replace(problem, product=product, module=row.module, submodule=row.submodule)


_NAME_COLUMNS = ("module_name", "product_code", "submodule_name")


def _odd_one(names: Names, used: set[Names]) -> tuple[str, str, list[str]]:
    """Find the name that makes a row match nothing, and what stands there in rows that do.

    Swap any one name: if the row is then known, that one is odd; else it is the first unknown.
    """
    for i, column in enumerate(_NAME_COLUMNS):
        values = sorted({k[i] for k in used if k[:i] + k[i + 1 :] == names[:i] + names[i + 1 :]})
        if values:
            return column, names[i], values
    i = next((i for i in range(3) if names[i] not in {k[i] for k in used}), 2)
    return _NAME_COLUMNS[i], names[i], []


def _is_meant(row: ControlRow, names: Names, column: str, meant: str) -> bool:
    """Tell whether a control row is the one that a mistyped mapping row seems to be about."""
    spelled = (meant if c == column else n for c, n in zip(_NAME_COLUMNS, names, strict=True))
    return tuple(spelled) in _names([row])


def check_teams(findings: Findings, project: Project, active: Sequence[ControlRow]) -> None:
    """Find errors that would have no owner, and teams of products that are not there."""
    for team in project.teams:
        for column, value, names in (
            ("product_code", team.product, {row.product for row in project.control}),
            ("module_name", team.module, {row.module for row in project.control}),
        ):
            if value != ANY and value not in names:
                findings.add(_unknown_in_teams(team, column, value, names))
    pairs = sorted({(row.product, row.module) for row in active})
    for concern in ("source", "mapping", "platform"):
        orphans = [
            f"{product} · {module}"
            for product, module in pairs
            if not any(team.covers(concern, product, module) for team in project.teams)
        ]
        if orphans:
            findings.add(_no_owner(project, concern, orphans))


def _unknown_in_teams(team: Team, column: str, value: str, names: set[str]) -> Diagnostic:
    return team.problem(
        "TEM-009",
        column,
        f"no control row has the {column} `{value[:80]}`{did_you_mean(value, names)}",
        "correct it; * is any",
        severity="warning",
    )


def _no_owner(project: Project, concern: str, orphans: list[str]) -> Diagnostic:
    return Diagnostic(
        "TEM-008",
        f"a {concern} error of {listing(orphans, 3)} would find no owner",
        place=f"{project.settings.teams}:{concern}",
        fix="add a last row with the concern * for the platform team",
        severity="warning",
    )
