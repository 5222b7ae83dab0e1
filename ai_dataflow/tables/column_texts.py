"""What each column of the tables means, in words: `columns.toml`. The docs and the notes use it."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@cache
def column_texts() -> dict[str, dict[str, dict[str, str]]]:
    """Give `text` and `example` of each column, by the setting that names its table."""
    file = resources.files(__package__).joinpath("columns.toml")
    return tomllib.loads(file.read_text("utf-8"))


def note(setting: str, column: str) -> str:
    """Give what a column means as plain text, with an example."""
    said = column_texts()[setting][column]
    text = _LINK.sub(r"\1", said["text"]).replace("`", "")
    return f"{text}\n\nExample: {said['example']}"
