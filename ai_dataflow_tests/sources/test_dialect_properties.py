"""Whatever Python's writer writes in a dialect is read exactly, or refused: never otherwise."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.sources.text_files import read, written

LETTERS = "abZ09 .,;|\t'\"#-\\\r\nàéìüßøčřłşžñŒ€£дяГωא東"
NAMES = ["id", "città", "größe", "město", "город", "note", "a b"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252",
             "iso8859-15", "cp1250", "cp1251", "cp1254", "iso8859-2", "koi8-r", "cp850",
             "mac_roman", "cp932"]  # fmt: skip
FIELDS = st.text(st.sampled_from(LETTERS), max_size=6)
# Without a word about the encoding, what is written has to be what people write.
WORDS = {
    "cp1252": "Forlì Orléans Köln Zürich São Málaga Århus naïve 12€ Gießen cœur Besançon",
    "iso8859-15": "Forlì Orléans Köln 12€ cœur Nîmes élève",
    "cp1250": "Plzeň Třebíč Łódź Kraków Gdańsk Győr Žilina Ústí",
    "iso8859-2": "Plzeň Łódź Kraków Gdańsk Győr Žilina",
    "cp1251": "Москва Казань Пермь Уфа Тула",
    "koi8-r": "Москва Казань Пермь Уфа Тула",
    "cp1254": "İstanbul Muğla Eskişehir Diyarbakır Köln",
    "cp850": "Köln Zürich Gießen Orléans",
    "mac_roman": "Köln Zürich Gießen Orléans Forlì",
    "cp932": "東京 大阪 横浜 ヨコハマ",
}
SIGNS = ["", "x", "1,5", "a;b", "a|b", 'say "hi"', "two\r\nlines", "-", " ", "#1", "007"]


@st.composite
def _files(
    draw: st.DrawFn, *, of_words: bool
) -> tuple[list[str], list[list[str]], str, dict[str, Any]]:
    encoding = draw(st.sampled_from(ENCODINGS))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True))
    words = st.sampled_from([*SIGNS, *WORDS.get(encoding, "Forlì Łódź Москва 東京").split()])
    fields = words if of_words else FIELDS
    lines = draw(st.lists(st.lists(fields, min_size=len(names), max_size=len(names)), max_size=8))

    ends = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    # Python's writer leaves other line breaks than its own without quotes.
    bare = set() if quoting == csv.QUOTE_ALL else set("\r\n") - set(ends)

    def known(text: str) -> str:
        kept = "".join(letter for letter in text if letter not in bare)
        return kept.encode(encoding, errors="ignore").decode(encoding).removeprefix("\ufeff")

    names = list(dict.fromkeys(known(name) or "id" for name in names))
    assume(len(names) > 1)  # what is one column alone says nothing of its delimiter
    lines = [[known(field) for field in line[: len(names)]] for line in lines]
    how = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "lineterminator": ends,
        "quoting": quoting,
    }
    return names, lines, encoding, how


def _bytes(names: list[str], lines: list[list[str]], encoding: str, how: dict[str, Any]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **how).writerows([names, *lines])
    return text.getvalue().encode(encoding)


def _values(rows: list[tuple[str | None, ...]]) -> list[list[str]]:
    return [[value or "" for value in row] for row in rows]


def _check(content: bytes, names: list[str], lines: list[list[str]], said: Any) -> bool:
    with TemporaryDirectory() as folder:
        try:
            rows, malformed = read(Path(folder), content, *names, said=said)
        except DataflowError as error:
            codes = [problem.code for problem in error.diagnostics]
        else:
            codes = []
    if codes:
        assert codes[0].startswith("SRC-")
        return False
    assert _values(rows) == lines
    assert not malformed
    return True


@given(_files(of_words=True))
@settings_of(4)
def test_what_is_found_out_is_what_was_written(file: Any) -> None:
    names, lines, _, _ = file
    _check(_bytes(*file), names, lines, None)


@given(_files(of_words=False), st.sampled_from("'\"`"))
@settings_of(4)
def test_escapes_and_other_quotes_are_read_exactly(file: Any, quote: str) -> None:
    names, lines, encoding, how = file
    assume(quote != how["delimiter"])
    signs = {"escapechar": "\\", "doublequote": False, "quotechar": quote}
    said = written(encoding=encoding, delimiter=how["delimiter"], escape="\\", quote=quote)
    assert _check(_bytes(names, lines, encoding, how | signs), names, lines, said)


@given(_files(of_words=False))
@settings_of(4)
def test_what_is_said_is_read_exactly(file: Any) -> None:
    names, lines, encoding, how = file
    said = written(encoding=encoding, delimiter=how["delimiter"])
    assert _check(_bytes(*file), names, lines, said)
