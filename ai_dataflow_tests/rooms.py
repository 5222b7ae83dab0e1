"""The rooms of the house and what they import of each other, read from the code.

Run as a program it prints the graph of docs/architecture.md:
    python -m ai_dataflow_tests.rooms
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ai_dataflow

PACKAGE = Path(str(ai_dataflow.__file__)).parent
# From the ground up. A room may import from the floors below its own.
FLOORS = (
    ("config",),
    ("tables", "connections"),
    ("workstation", "sources"),
    ("compiler", "extracts"),
    ("partition",),
    ("engine",),
    ("planning",),
    ("notifications", "runs"),
    ("orchestration",),
    ("definitions",),
    ("cli",),
)


@dataclass(frozen=True)
class Import:
    """A file of a room that imports something of another."""

    file: str
    module: str

    @property
    def room(self) -> str:
        """The room that the file is in."""
        return room_of(PACKAGE / self.file)

    @property
    def other(self) -> str:
        """The room of what it imports."""
        return self.module.partition(".")[2].partition(".")[0]

    def __str__(self) -> str:
        """Give both, as pytest shows them."""
        return f"{self.file} imports {self.module}"


def room_of(file: Path) -> str:
    """Give the room of a file."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(packages: tuple[str, ...] = ("ai_dataflow",)) -> list[Import]:
    """Give all imports of some packages; of our own those of what is in rooms."""
    return sorted(
        {
            Import(file.relative_to(PACKAGE).as_posix(), module)
            for file in PACKAGE.rglob("*.py")
            if file.parent != PACKAGE or file.stem != "__init__"
            for module in _modules(file)
            if module.partition(".")[0] in packages and module != "ai_dataflow"
        },
        key=str,
    )


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from ai_dataflow import definitions` names a room, `import __version__` none.
            names = (f"{node.module}.{a.name}" for a in node.names if not a.name.startswith("_"))
            yield from names if node.module == "ai_dataflow" else [node.module]


def graph() -> str:
    """Draw which room imports which, as Mermaid; what a third room says already is left out."""
    direct: dict[str, set[str]] = {}
    for found in imports():
        if found.room != found.other:
            direct.setdefault(found.room, set()).add(found.other)
    lines = [
        f"    {room} --> {other}"
        for floor in reversed(FLOORS)
        for room in floor
        for other in sorted(direct.get(room, ()))
        if not any(other in _below(third, direct) for third in direct[room] - {other})
    ]
    return "\n".join(["```mermaid", "graph TD", *lines, "```"])


def _below(room: str, direct: dict[str, set[str]]) -> set[str]:
    own = direct.get(room, set())
    return own.union(*(_below(other, direct) for other in own))


if __name__ == "__main__":
    print(graph())
