"""Globs: locations that name files by wildcards. What is called so is a name first."""

from __future__ import annotations

import fnmatch
import glob as wildcards
import os
import re
from collections.abc import Collection
from pathlib import PurePosixPath

from ai_dataflow.config import blob_urls

_GLOB = re.compile(r"[*?\[]")
# What makes it worth while to look at the parts of a path: wildcards, a scheme, `//`, `/.`.
_UNUSUAL = re.compile(r"[*?\[:]|/[/.]")
_PIECES = re.compile(r"(\*\*/?|\*|\?|\[!?\]?[^\]]*\])")
_CROSSING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def is_glob(path: str) -> bool:
    """Tell whether a path has wildcards."""
    return bool(_GLOB.search(path))


def split_glob(url: str) -> tuple[str, str]:
    """Split a location into the folder that is certain and the rest, which may be a glob.

    Local folders whose names have wildcards in them are certain where there are such folders.
    """
    folder, _, name = url.rpartition("/")
    if folder and name and not _UNUSUAL.search(url):
        return folder, name
    base, path = "", url
    if is_blob := blob_urls.is_blob_url(url):
        place = blob_urls.parse(url)
        base, path = str(place.root), place.path
    parts = PurePosixPath(path).parts
    fixed = 0
    while fixed < len(parts) - 1 and _is_name(parts[: fixed + 1], is_blob=is_blob):
        fixed += 1
    folder = str(PurePosixPath(*parts[:fixed])) if fixed > 0 else ""
    return base + folder, "/".join(parts[fixed:])


def fixed_part(url: str) -> str:
    """Give what comes before the first wildcard of a location, all where there is none."""
    return _GLOB.split(url, maxsplit=1)[0]


def with_names(glob: str, paths: Collection[str]) -> str:
    """Quote the parts of a glob that are names of files or folders, as they are listed."""
    parts: list[str] = []
    for part in glob.split("/"):
        name = wildcards.escape(part)
        if name != part:
            begin = re.compile(_regex("/".join([*parts, name])) + r"(?:/|\Z)")
            parts.append(name if any(map(begin.match, paths)) else part)
        else:
            parts.append(part)
    return "/".join(parts)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob: `*` and `?` stay within a folder, `**` crosses folders."""
    return re.compile(_regex(glob))


def _regex(glob: str) -> str:
    return "".join(map(_piece, _PIECES.split(glob)))


def _piece(piece: str) -> str:
    if piece.startswith("[") and piece.endswith("]"):
        return "(?!/)" + fnmatch.translate(piece).removesuffix(r"\Z")
    return _CROSSING.get(piece, re.escape(piece))


def _is_name(parts: tuple[str, ...], *, is_blob: bool) -> bool:
    return not is_glob(parts[-1]) or (not is_blob and os.path.lexists(PurePosixPath(*parts)))
