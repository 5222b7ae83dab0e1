"""What the further cells of a mapping row make of a value: words, blanks, code lists, defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ai_dataflow_tests.partition.values import FAILED, become

UNMAPPED = "\ue000unmapped"
# What has one text by which a list can name it.
LISTED = {"text", "int", "bool", "date"}


@dataclass(frozen=True)
class Cells:
    """Cells of a mapping row; `codes` are those of its list, as its product has them."""

    code_list: str = ""
    unmapped: str = ""
    default: str = ""
    null_values: tuple[str, ...] = ()
    trim: bool = False

    def read(self, value: Any) -> Any:
        """Give a value as it is read: a text without blanks, nothing for a word that says so."""
        if not isinstance(value, str) or value is FAILED:
            return value
        if value.strip() in self.null_values:
            return None
        return value.strip() if self.trim else value

    def made(self, value: Any, ai_type: str, codes: Mapping[str, str]) -> Any:
        """Give what a value becomes; `UNMAPPED` where its list does not have it."""
        coded = self._coded(value, codes) if self.code_list and value is not FAILED else value
        if coded is UNMAPPED:
            return coded
        made = become(coded, ai_type)
        is_blank = ai_type == "string" and isinstance(made, str) and not made.strip()
        return become(_literal(self.default), ai_type) if self._lacks(made, is_blank) else made

    def _lacks(self, made: Any, is_blank: bool) -> bool:
        return bool(self.default) and (made is None or is_blank)

    def _coded(self, value: Any, codes: Mapping[str, str]) -> Any:
        text = become(value, "string")
        if text is None or not text.strip():
            return None
        if text.strip() in codes:
            return codes[text.strip()]
        words = {"": UNMAPPED, "reject": UNMAPPED, "null": None, "keep": text}
        return words.get(self.unmapped, _literal(self.unmapped))


def _literal(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


@dataclass(frozen=True)
class Codes:
    """All code lists: the rows of each, as product, source value and AI value."""

    rows: Mapping[str, list[tuple[str, str, str]]]

    def of(self, name: str, product: str) -> dict[str, str]:
        """Give a list as a product has it: its own rows take the place of those for all."""
        rows = self.rows.get(name, [])
        every = {value: code for of, value, code in rows if not of}
        return every | {value: code for of, value, code in rows if of == product}
