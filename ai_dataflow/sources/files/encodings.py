"""Encodings: which ones a text file may be in, by its bytes and the names that are mapped from it.

UTF-8 and what begins with a mark is sure. Of others several mostly give a text, and other letters:
one is taken where all give the same text, or where the others make words that nobody writes.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ai_dataflow.config.diagnostics import listing
from ai_dataflow.sources.files.text_samples import Sample
from ai_dataflow.sources.files.western_words import is_western

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
# What programs write, the likelier of two that give the same text first.
_COMMON = (
    WESTERN, "iso8859-15", "cp1250", "iso8859-2", "cp1251", "cp1253", "iso8859-7", "cp1254",
    "cp1255", "cp1256", "cp1257", "iso8859-13", "cp874", "koi8-r", "koi8-u", "iso8859-5", "cp850",
    "cp852", "cp866", "cp437", "mac_roman", "cp932", "euc_jp", "gb18030", "big5hkscs", "cp949",
)  # fmt: skip
# Looked at where none of these will do.
_RARER = (
    "cp1258", "iso8859-3", "iso8859-4", "iso8859-6", "iso8859-8", "iso8859-10", "iso8859-14",
    "iso8859-16", "mac_latin2", "mac_cyrillic", "cp857", "cp775", "hp_roman8",
)  # fmt: skip
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1e\x7f-\x9f\ue000-\uf8ff\ufffd]")
_FOREIGN_WORD = re.compile(r"[^\s,;|\t\"]*[^\x00-\x7f][^\s,;|\t\"]*")
_IN_WORDS = "\u2019\u2018\u00b7\u2013\u00ad\u0300\u0301\u0303\u0309\u0323"
_OF_JAPANESE = ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "FULLWIDTH", "HALFWIDTH")
_BEFORE_NONE = "£¥¢¤¦§¬±×÷"  # letters, that is: £ stands before numbers
_MOST_WORDS = 2000
_FEW_WORDS = 3
_ODD, _ODD_BESIDE_NAMES = 0.3, 0.1  # share of words, from which on nobody wrote them so
_FIX = 'say it under [formats.<name>], such as encoding = "windows-1252"'


@dataclass(frozen=True)
class UndecidedError(Exception):
    """No encoding can be taken; no text of the file is in it."""

    what: str
    fix: str = _FIX


def candidates(sample: Sample, said: str) -> dict[str, str]:
    """Give the encodings that a file may be in, with its looked-at text in each.

    `said` is what the settings say: no other is looked at then.

    Raises:
        UndecidedError: there is none.
    """
    if sure := said or marked(sample.head) or _by_zeros(sample.head):
        return _one(sample, sure)
    if (text := _text(sample, "utf-8")) is not None:
        return {"utf-8": text}
    _refuse_mixture(sample)
    for encodings in (_COMMON, _RARER):
        texts = {encoding: _text(sample, encoding) for encoding in encodings}
        possible = {e: text for e, text in texts.items() if text and not _CONTROL.search(text)}
        if possible:
            return possible
    raise UndecidedError("its encoding cannot be told: it is not in UTF-8, nor in any other that "
                         "is tried")  # fmt: skip


def _one(sample: Sample, encoding: str) -> dict[str, str]:
    text = _text(sample, encoding)
    if text is None:
        raise UndecidedError(f"{_place_of_misfit(sample, encoding)}{would_fit(sample.head)}")
    return {encoding: text}


def _place_of_misfit(sample: Sample, encoding: str) -> str:
    """Say which line is not in an encoding, where that is one of the first part."""
    try:
        sample.head_as(encoding)
    except UnicodeDecodeError as error:
        line = sample.head[: error.start].count(b"\n") + 1
        return f"line {line:,} is not in {encoding}"
    return f"a line near its end is not in {encoding}"


def likeliest(texts: Mapping[str, str], *, is_named: bool) -> str:
    """Choose among encodings, by what is written in each.

    A measure of libraries for that takes Polish for French where a few names are all there is to
    go by. So one is chosen if it alone has no word that nobody writes, and the others have some:
    many, unless a column's name with other letters than ASCII's speaks for it too (`is_named`).
    Among several Windows-1252 is, if all words in it are of Western Europe.

    Raises:
        UndecidedError: several are as likely.
    """
    groups: dict[str, list[str]] = {}
    for encoding, text in texts.items():
        groups.setdefault(text, []).append(encoding)
    if len(groups) == 1:
        return next(iter(texts))
    odd = {text: _odd_share(text) for text in groups}
    sound = [text for text in groups if not odd[text]]
    others = [share for share in odd.values() if share]
    if len(sound) == 1:
        is_enough = is_named or len(_words(sound[0])) >= _FEW_WORDS
        if is_enough and min(others) >= (_ODD_BESIDE_NAMES if is_named else _ODD):
            return groups[sound[0]][0]
    if WESTERN in texts and not odd[texts[WESTERN]] and is_western(_words(texts[WESTERN])):
        return WESTERN
    likely = sorted(groups, key=lambda text: odd[text])[: max(len(sound), 2)]
    possible = [groups[text][0] for text in likely]
    raise UndecidedError(
        f"its encoding cannot be told: it is not in UTF-8, and {listing(possible, 8)} all give a "
        "text, with other letters"
    )


def marked(head: bytes) -> str:
    """Give the encoding that a file's first bytes name; nothing where they name none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def _by_zeros(head: bytes) -> str:
    """Tell UTF-16 and UTF-32 without a mark by their zero bytes: ASCII has them in one place."""
    at = [head[i::4].count(0) for i in range(4)]
    if not any(at):
        return ""
    quarter = len(head) / 4
    if min(at[1:]) > quarter / 2 or min(at[:3]) > quarter / 2:
        return "utf-32-le" if at[3] > at[0] else "utf-32-be"
    even, uneven = at[0] + at[2], at[1] + at[3]
    if not min(even, uneven) <= max(even, uneven) / 20:
        return _by_line_ends(head)
    return "utf-16-le" if uneven > even else "utf-16-be"


def _by_line_ends(head: bytes) -> str:
    """Tell UTF-16 whose other letters have zeros too, such as 一: only in one order lines end."""
    orders = ("utf-16-le", "utf-16-be")
    texts = {
        order: head.decode(order, errors="ignore") for order in orders if _is_text(head, order)
    }
    fitting = [order for order, text in texts.items() if "\n" in text or "\r" in text]
    if len(fitting) != 1:
        raise UndecidedError("it has bytes of zero as no text has", "deliver it as text")
    return fitting[0]


def would_fit(part: bytes) -> str:
    """Say in which encodings a part of a file could be; nothing where there is none."""
    fitting = [e for e in ("utf-8", *_COMMON) if _is_text(part, e)]
    return f": {listing(fitting, 4)} would fit" if fitting else ""


def _is_text(part: bytes, encoding: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(part)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(text)


def _text(sample: Sample, encoding: str) -> str | None:
    try:
        return sample.text(encoding)
    except UnicodeDecodeError:
        return None


def _refuse_mixture(sample: Sample) -> None:
    """Refuse lines in UTF-8 beside others: another encoding would garble them."""
    foreign = [line for line in sample.lines() if not line.isascii()]
    kinds = {is_utf8(line) for line in foreign}
    if len(kinds) > 1:
        number = next(n for n, line in enumerate(sample.lines(), 1) if not is_utf8(line))
        where = f"line {number}" if number <= sample.head_lines else "a line near its end"
        raise UndecidedError(
            f"some of its lines are in UTF-8 and others, {where} among them, are not",
            "deliver it anew, in one encoding; UTF-8 is best",
        )


def is_utf8(line: bytes) -> bool:
    """Tell whether a line is in UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _odd_share(text: str) -> float:
    """Tell how many words with other letters than ASCII's nobody writes so, of 1."""
    looked = _words(text)
    return sum(map(_is_odd, looked)) / len(looked) if looked else 0.0


def _is_odd(word: str) -> bool:
    """Tell of a word with a sign between letters, a capital after others, or of two scripts.

    What is of ASCII in it says nothing: people write so.
    """
    if len({_script(letter) for letter in word if letter.isalpha()}) > 1:
        return True
    places = (i for i, letter in enumerate(word) if not letter.isascii())
    return any(_is_odd_at(word[i], word[i - 1 : i] if i else "", word[i + 1 : i + 2])
               for i in places)  # fmt: skip


def _words(text: str) -> list[str]:
    """Give the different words with other letters than ASCII's, the first of many."""
    words = dict.fromkeys(match[0] for match in _FOREIGN_WORD.finditer(text))
    return list(words)[:_MOST_WORDS]


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """Give the first word of a letter's name: LATIN, GREEK, CYRILLIC; Japanese has several."""
    script = unicodedata.name(letter, "").partition(" ")[0]
    return "CJK" if script in _OF_JAPANESE else script


def _is_odd_at(letter: str, before: str, after: str) -> bool:
    if letter.isalpha():
        return letter.isupper() and before.islower()
    if before.isalpha() and after.isalpha():
        return letter not in _IN_WORDS
    return not before and after.isalpha() and letter in _BEFORE_NONE
