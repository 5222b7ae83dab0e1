"""What the pages need of Markdown: tables to write, and code, links and anchors to read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r" *(`{3,}|~{3,})\s*(\w*)")
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^\s)>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_CODE_SPAN = re.compile(r"(`+)(.+?)\1")
_CELLS = re.compile(r"(?<!\\)\|")
_PLAIN_LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)")


@dataclass(frozen=True)
class Block:
    """A block of code of a page: its language, its text, its first line, and what stands before.

    `label` is the text of an HTML comment right above the block, which readers do not see.
    """

    page: Path
    line: int
    language: str
    text: str
    label: str = ""

    @property
    def place(self) -> str:
        """The page and the line."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def written_pages() -> list[Path]:
    """Give all pages: those of the repository's root, and those in `docs`."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Give the lines of a table."""
    lines = [heads, ["---"] * len(heads), *([_cell(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def code(text: str) -> str:
    """Give a text as code within a line; nothing where there is no text."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def blocks(page: Path) -> list[Block]:
    """Give the blocks of code of a page."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    start, fence, language = 0, "", ""
    for number, line in enumerate(lines, start=1):
        opening = _FENCE.match(line)
        if not fence and opening:
            start, fence, language = number, opening[1], opening[2]
        elif fence and line.strip().startswith(fence):
            text = "\n".join(lines[start : number - 1]) + "\n"
            found.append(Block(page, start, language, text, _label(lines[: start - 1])))
            fence = ""
    return found


def _label(before: Sequence[str]) -> str:
    """Give the comment that is the last thing before a block."""
    last = next((line.strip() for line in reversed(before) if line.strip()), "")
    is_comment = last.startswith("<!--") and last.endswith("-->")
    return last[4:-3].strip() if is_comment else ""


def tables(page: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give the tables of a page, each with the comment right above it: rows by their columns."""
    before, rows = list[str](), list[list[str]]()
    for line in [*page.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]
            rows.append(cells)
            continue
        if rows:
            head, _, *body = rows
            yield _label(before), [dict(zip(head, row, strict=True)) for row in body]
            rows = []
        before.append(line)


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Give the lines of a page that are no code, by their numbers."""
    fence = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        opening = _FENCE.match(line)
        if fence:
            fence = "" if line.strip().startswith(fence) else fence
        elif opening:
            fence = opening[1]
        else:
            yield number, line


def code_spans(page: Path) -> Iterator[tuple[int, str]]:
    """Give what stands in backticks within the lines of a page, by their numbers."""
    for number, line in prose(page):
        yield from ((number, match[2].replace(r"\|", "|")) for match in _CODE_SPAN.finditer(line))


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Give the targets of a page's links and pictures, by the numbers of their lines."""
    for number, line in prose(page):
        without_code = _CODE_SPAN.sub(lambda match: "x" * len(match[0]), line)
        yield from ((number, match[1]) for match in _LINK.finditer(without_code))


def rewritten(page: Path, change: Callable[[str], str]) -> str:
    """Give the text of a page with each target of a link changed; code stays as it is."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in prose(page):
        kept: list[str] = []
        masked = _CODE_SPAN.sub(lambda match, kept=kept: _mask(match[0], kept), line)
        masked = _LINK.sub(lambda match: _with_target(match, change), masked)
        lines[number - 1] = re.sub(r"\0(\d+)\0", lambda m, kept=kept: kept[int(m[1])], masked)
    return "\n".join(lines) + "\n"


def _mask(text: str, kept: list[str]) -> str:
    kept.append(text)
    return f"\0{len(kept) - 1}\0"


def _with_target(match: re.Match[str], change: Callable[[str], str]) -> str:
    start, end = (place - match.start() for place in match.span(1))
    return match[0][:start] + change(match[1]) + match[0][end:]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    times: Counter[str] = Counter()
    found = set()
    for _, line in prose(page):
        if heading := _HEADING.fullmatch(line):
            name = anchor(heading[1])
            found.add(f"{name}-{times[name]}" if times[name] else name)
            times[name] += 1
    return found


def anchor(heading: str) -> str:
    """Give the anchor that GitHub makes of a heading."""
    text = _PLAIN_LINK.sub(r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")
