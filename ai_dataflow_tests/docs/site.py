"""The site of the documentation: lays out its pages, builds them, and looks at what came out.

The pages are written for GitHub: the README links to `docs/`, and pages link to files of the
repository. Here each file has its place in the site, and links are changed to these places.
Nothing but Python and Zensical is needed: `make docs` runs it. `mermaid` draws its graphs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from os.path import relpath
from pathlib import Path
from urllib.parse import unquote

from ai_dataflow_tests.docs import mermaid
from ai_dataflow_tests.docs.markdown import DOCS, ROOT, links, rewritten, written_pages

PAGES = ROOT / ".docs" / "pages"
SITE = ROOT / "site"
SHIM = "assets/iframe-worker.js"
_SHIM_ELSEWHERE = re.compile(r"https://unpkg\.com/iframe-worker/shim")
_HOME = re.compile(r'href="((?:\./)?\.\.?(?:/\.\.)*)"')  # the first page, as its folder
_CELL = re.compile(r"<td.*?</td>", re.DOTALL)
_KINDS = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".js": "js"}
_SOURCE = """\
---
search:
  exclude: true
---

# {name}

{listing}
"""


def place(file: Path) -> Path:
    """Give the place of a file of the repository among the site's pages; a folder is a list.

    Example:
        >>> place(ROOT / "README.md"), place(ROOT / "docs/sql.md"), place(ROOT / "dagster.yaml")
        (PosixPath('index.md'), PosixPath('sql.md'), PosixPath('files/dagster.yaml.md'))
    """
    name = file.relative_to(ROOT)
    if name == Path("README.md"):
        return Path("index.md")
    if file.is_relative_to(DOCS) and not file.is_dir():
        return file.relative_to(DOCS)
    return name if name.suffix == ".md" else Path("files", f"{name}.md")


def lay_out() -> None:
    """Write all pages into an empty folder, with links that are right there."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(DOCS, PAGES)
    for page in written_pages():
        target = PAGES / place(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewritten(page, lambda link, page=page: moved(link, page)), "utf-8")
    for file in {file for page in written_pages() for file in _files(page)}:
        target = PAGES / place(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        name = file.relative_to(ROOT).as_posix()
        target.write_text(_SOURCE.format(name=name, listing=_listing(file)), "utf-8")


def moved(link: str, page: Path) -> str:
    """Give a link of a page as it is in the site."""
    path, hash_, part = link.partition("#")
    if not path or "://" in link or link.startswith("mailto:"):
        return link
    target = place((page.parent / path).resolve())
    return relpath(target, place(page).parent) + hash_ + part


def _files(page: Path) -> Iterator[Path]:
    """Give the files that a page links to and that are no pages or pictures of the docs."""
    for _, link in links(page):
        path = link.partition("#")[0]
        target = (page.parent / path).resolve()
        if path and "://" not in link and place(target).parts[0] == "files":
            yield target


def _listing(file: Path) -> str:
    """Give a file as a block of code; of a folder its files."""
    files = [file] if file.is_file() else sorted(f for f in file.iterdir() if f.is_file())
    return "\n\n".join(
        f"`{each.name}`\n\n````{_KINDS.get(each.suffix, 'text')}\n"
        f"{each.read_text(encoding='utf-8').rstrip()}\n````"
        for each in files
    )


def build() -> None:
    """Build the site; a warning ends it."""
    shutil.rmtree(SITE, ignore_errors=True)
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([zensical, "build", "--strict", "--clean"], check=True, cwd=ROOT)
    draws = mermaid.LIBRARY.exists()
    if draws:
        shutil.copyfile(mermaid.LIBRARY, SITE / mermaid.ASSET)
    else:
        print("graphs are shown as text: the library that draws them is not in .docs")
    for file in SITE.rglob("*.html"):
        text = mended(file.read_text(encoding="utf-8"), relpath(SITE / SHIM, file.parent))
        script = relpath(SITE / mermaid.ASSET, file.parent) if draws else ""
        file.write_text(mermaid.drawn(text, script), encoding="utf-8")


def mended(text: str, shim: str) -> str:
    r"""Mend a built page: what would be loaded from elsewhere, the way home, bars in tables' code.

    Example:
        >>> mended(r'<a href=".."><td><code>a\|b</code></td>', "shim.js")
        '<a href="../index.html"><td><code>a|b</code></td>'
    """
    text = _SHIM_ELSEWHERE.sub(shim, text)
    text = _HOME.sub(r'href="\1/index.html"', text)
    return _CELL.sub(lambda cell: cell[0].replace(r"\|", "|"), text)


class _Reader(HTMLParser):
    """Reads a page: its anchors, what it loads, and where it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a tag says."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a":
            self.links += [said["href"]] if "href" in said else []
        elif tag == "link":
            is_loaded = said.get("rel") not in ("canonical", "next", "prev", "alternate")
            self.loaded += [said["href"]] if is_loaded and "href" in said else []
        else:
            self.loaded += [said["src"]] if "src" in said else []


def problems(site: Path) -> list[str]:
    """Tell what is wrong with a site: what it loads from elsewhere, and links that lead nowhere."""
    pages = {
        file.resolve(): _Reader(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")
    }
    wrong = []
    for file, page in pages.items():
        name = file.relative_to(site.resolve())
        wrong += [f"{name} loads {url}" for url in page.loaded if _is_elsewhere(url)]
        here = [url for url in (*page.links, *page.loaded) if not _is_elsewhere(url)]
        wrong += [f"{name} links to {url}" for url in here if _is_dead(url, file, pages)]
    for style in site.rglob("*.css"):
        urls = re.findall(r"url\(\s*[\"']?([^\"')]+)", style.read_text(encoding="utf-8"))
        wrong += [f"{style.name} loads {url}" for url in urls if _is_elsewhere(url)]
    return wrong


def _is_elsewhere(url: str) -> bool:
    return bool(re.match(r"(?!data:)([a-z][a-z0-9+.-]*:)?//|mailto:", url))


def _is_dead(url: str, file: Path, pages: dict[Path, _Reader]) -> bool:
    path, _, part = unquote(url).partition("#")
    path = path.partition("?")[0]
    if url.startswith(("data:", "javascript:")) or file.name == "404.html":
        return False  # that page does not know where it is shown
    target = (file.parent / path).resolve() if path else file
    if target not in pages:
        return not target.is_file()
    return bool(part) and part not in pages[target].anchors


def main() -> int:
    """Build the site and look at it."""
    lay_out()
    build()
    wrong = problems(SITE)
    print(*wrong, f"{SITE.name}/index.html is ready" if not wrong else "", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
