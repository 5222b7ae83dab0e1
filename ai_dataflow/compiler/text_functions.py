"""Functions of text: its parts, its places, what it is made of. All count characters, not bytes."""

from __future__ import annotations

import re
from functools import partial

import polars as pl

from ai_dataflow.compiler import dialects
from ai_dataflow.compiler.registry import Call, count_of, function
from ai_dataflow.compiler.terms import Term

TEXT, WHOLE, BOOLEAN = pl.String(), pl.Int64(), pl.Boolean()
_FAR = 2**31 - 1
_BLANKS = dict.fromkeys(dialects.NAMES, "blanks alone")
_text = partial(function, family="text", gives="text")
_count = partial(function, family="text", gives="BIGINT")
_test = partial(function, family="text", gives="BOOLEAN")


@_text("UPPER", "text", also=("UCASE",))
def _upper(call: Call) -> Term:
    return call.made(call.value(0).str.to_uppercase(), TEXT)


@_text("LOWER", "text", also=("LCASE",))
def _lower(call: Call) -> Term:
    return call.made(call.value(0).str.to_lowercase(), TEXT)


@_text("INITCAP", "text", note="the first letter of each word is large, the others small; a word "
       "is letters, digits and their accents")  # fmt: skip
def _initcap(call: Call) -> Term:
    return call.made(call.value(0).map_elements(_titled, return_dtype=TEXT), TEXT)


# Polars begins a word after a digit and after an accent of its own character too.
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")


def _titled(text: str) -> str:
    return _WORD.sub(lambda word: word[0][0].title() + word[0][1:].lower(), text)


@_text("REVERSE", "text")
def _reverse(call: Call) -> Term:
    return call.made(call.value(0).str.reverse(), TEXT)


@_count("LENGTH", "text", also=("CHAR_LENGTH", "CHARACTER_LENGTH"), note="characters")
def _length(call: Call) -> Term:
    return call.made(call.value(0).str.len_chars().cast(WHOLE), WHOLE)


@_count("LEN", "text", note="characters", differs={"tsql": "without blanks at the end"})
def _len(call: Call) -> Term:
    call.context.differs("LEN counts blanks at the end here; T-SQL does not")
    value = call.value(0)
    if call.context.dialect == dialects.TSQL:
        value = value.str.strip_chars_end(" ")
    return call.made(value.str.len_chars().cast(WHOLE), WHOLE)


@_count("OCTET_LENGTH", "text", also=("DATALENGTH",), note="bytes of UTF-8")
def _octets(call: Call) -> Term:
    return call.made(call.value(0).str.len_bytes().cast(WHOLE), WHOLE)


@_count("BIT_LENGTH", "text", note="bits of UTF-8")
def _bits(call: Call) -> Term:
    return call.made(call.value(0).str.len_bytes().cast(WHOLE) * 8, WHOLE)


@_text("TRIM", "text", "text?", also=("BTRIM",), differs=_BLANKS,
       note="white space, or any of the characters named")  # fmt: skip
def _trim(call: Call) -> Term:
    return call.made(call.value(0).str.strip_chars(_characters(call)), TEXT)


@_text("LTRIM", "text", "text?", note="as TRIM, at the beginning", differs=_BLANKS)
def _ltrim(call: Call) -> Term:
    return call.made(call.value(0).str.strip_chars_start(_characters(call)), TEXT)


@_text("RTRIM", "text", "text?", note="as TRIM, at the end", differs=_BLANKS)
def _rtrim(call: Call) -> Term:
    return call.made(call.value(0).str.strip_chars_end(_characters(call)), TEXT)


def _characters(call: Call) -> pl.Expr | None:
    """Give the characters to take off; without any, blanks, and all white space as Polars has it.

    No dialect but that of Polars takes off tabs and line feeds.
    """
    if len(call) > 1:
        return call.value(1)
    return pl.lit(" ") if call.context.dialect else None


@_text("LEFT", "text", "whole", limits="T-SQL: fails below 0",
       differs={"tsql": "fails below 0", "spark": "'' below 0",
                "postgres": "below 0: all but so many at the end",
                "duckdb": "below 0: all but so many at the end"})  # fmt: skip
def _left(call: Call) -> Term:
    return _side(call, call.value(0).str.head(_length_of(call, 1)))


@_text("RIGHT", "text", "whole", limits="T-SQL: fails below 0", note="as LEFT, from the end")
def _right(call: Call) -> Term:
    return _side(call, call.value(0).str.tail(_length_of(call, 1)))


def _side(call: Call, value: pl.Expr) -> Term:
    if call[1].is_literal and isinstance(call[1].literal, int) and call[1].literal >= 0:
        return call.made(value, TEXT)
    call.context.differs(
        f"{call.name} with a length below 0 leaves out so many here, as PostgreSQL and DuckDB; "
        "T-SQL refuses it, Spark gives ''"
    )
    below = (call.value(1) < 0).fill_null(value=False) & call.value(0).is_not_null()
    if call.context.dialect == dialects.SPARK:
        return call.made(pl.when(below).then(pl.lit("")).otherwise(value), TEXT)
    if call.context.dialect == dialects.TSQL:
        return call.made(value, TEXT, below)
    return call.made(value, TEXT)


def _length_of(call: Call, index: int) -> pl.Expr:
    return count_of(call[index]).clip(-_FAR, _FAR)


@_text("SUBSTRING", "text", "whole", "whole?", also=("SUBSTR", "MID"),
       limits="fails with a length below 0",
       note="from 1; positions before the first count, but have no character",
       differs={"spark": "0 is 1; below 0 from the end",
                "duckdb": "below 0 from the end"})  # fmt: skip
def _substring(call: Call) -> Term:
    begin, text = count_of(call[1]).clip(-_FAR, _FAR), call.value(0)
    first = call[1].literal if call[1].is_literal else None
    if not (isinstance(first, int) and first >= 1):
        call.context.differs(
            "SUBSTRING counts positions before the first here, as T-SQL and PostgreSQL; "
            "Spark and DuckDB count from the end"
        )
        begin = _begin(call, begin, text)
    offset = pl.max_horizontal(begin, 1) - 1
    offset = pl.when(begin.is_not_null()).then(offset).otherwise(None)
    if len(call) < 3:  # noqa: PLR2004
        return call.made(text.str.slice(offset), TEXT)
    length = count_of(call[2]).clip(-_FAR, _FAR)
    end = pl.when(begin.is_not_null() & length.is_not_null()).then(begin + length - 1)
    kept = pl.max_horizontal(end - offset, 0)
    kept = pl.when(end.is_not_null()).then(kept)
    below = (length < 0).fill_null(value=False) & text.is_not_null()
    value = text.str.slice(offset, kept.cast(pl.UInt64, strict=False))
    # Polars takes a length of null for none at all.
    return call.made(pl.when(length.is_not_null()).then(value), TEXT, fails=below, uses=7)


def _begin(call: Call, begin: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Give where a text begins that is counted from its end."""
    if call.context.dialect == dialects.SPARK:
        begin = pl.when(begin == 0).then(1).otherwise(begin)
    if call.context.dialect not in (dialects.SPARK, dialects.DUCKDB):
        return begin
    return pl.when(begin < 0).then(text.str.len_chars().cast(WHOLE) + begin + 1).otherwise(begin)


def position(call: Call, text: Term, part: Term, start: Term | None) -> Term:
    """Give where a part begins in a text, in characters; 0 where it is not there."""
    held, origin = text.value, None
    if start is not None:
        origin = pl.max_horizontal(count_of(start).clip(-_FAR, _FAR), 1)
        held = held.str.slice(origin - 1)
    bytes_before = held.str.find(part.value, literal=True)
    head = held.cast(pl.Binary).bin.slice(0, bytes_before).cast(pl.String)
    at = head.str.len_chars().cast(WHOLE) + (1 if origin is None else origin)
    missing = 0 if call.context.dialect == dialects.TSQL else at
    empty = pl.when(part.value == "").then(missing).otherwise(at)
    value = pl.when(text.value.is_not_null() & part.value.is_not_null()).then(
        pl.when(bytes_before.is_not_null()).then(empty).otherwise(0)
    )
    return call.made(value.cast(WHOLE), WHOLE, uses=6)


_PLACE = "from 1, in characters; 0 where it is not there"


@_count("STRPOS", "text", "text", note=_PLACE)
def _strpos(call: Call) -> Term:
    return position(call, call[0], call[1], None)


@_count("INSTR", "text", "text", "whole?", note=_PLACE)
def _instr(call: Call) -> Term:
    return position(call, call[0], call[1], call[2] if len(call) > 2 else None)  # noqa: PLR2004


@_count("CHARINDEX", "text", "text", "whole?", note=f"the part first; {_PLACE}",
        differs={"tsql": "0 for an empty part"})  # fmt: skip
def _charindex(call: Call) -> Term:
    return position(call, call[1], call[0], call[2] if len(call) > 2 else None)  # noqa: PLR2004


@_count("LOCATE", "text", "text", "whole?", also=("POSITION",), note=f"the part first; {_PLACE}")
def _locate(call: Call) -> Term:
    return position(call, call[1], call[0], call[2] if len(call) > 2 else None)  # noqa: PLR2004


@_text("TRANSLATE", "text", "text", "text", note="each character for that at its place")
def _translate(call: Call) -> Term:
    old, new = (str(call.written(i, "the characters") or "") for i in (1, 2))
    if call.context.dialect == dialects.TSQL and len(old) != len(new):
        raise call.context.refused("TRANSLATE takes as many new characters as old ones")
    pairs = {sign: new[i : i + 1] for i, sign in reversed(list(enumerate(old)))}
    if not pairs:
        return call[0]
    return call.made(call.value(0).str.replace_many(list(pairs), list(pairs.values())), TEXT)


@_text("SPLIT_PART", "text", "text", "whole",
       note="from 1, below 0 from the end; '' where there is none",
       limits="fails for part 0")  # fmt: skip
def _split_part(call: Call) -> Term:
    number = count_of(call[2]).clip(-_FAR, _FAR)
    many = call.value(0).str.split(call.value(1))
    parts = pl.when(call.value(1) != "").then(many).otherwise(pl.concat_list([call.value(0)]))
    index = pl.when(number > 0).then(number - 1).otherwise(number)
    part = parts.list.get(index, null_on_oob=True).fill_null("")
    given = pl.all_horizontal([call.value(i).is_not_null() for i in range(3)])
    return call.made(pl.when(given).then(part), TEXT,
                     fails=(number == 0).fill_null(value=False) & given, uses=5)  # fmt: skip


@_test("STARTS_WITH", "text", "text", also=("STARTSWITH", "PREFIX"))
def _starts(call: Call) -> Term:
    return call.made(call.value(0).str.starts_with(call.value(1)), BOOLEAN)


@_test("ENDS_WITH", "text", "text", also=("ENDSWITH", "SUFFIX"))
def _ends(call: Call) -> Term:
    return call.made(call.value(0).str.ends_with(call.value(1)), BOOLEAN)


@_test("CONTAINS", "text", "text")
def _contains(call: Call) -> Term:
    return call.made(call.value(0).str.contains(call.value(1), literal=True), BOOLEAN)


@_count("ASCII", "text", also=("UNICODE", "ORD"), note="the first character's code point; 0 of ''",
        null="null")  # fmt: skip
def _ascii(call: Call) -> Term:
    value = call.value(0).map_elements(_code_point, return_dtype=WHOLE)
    return call.made(value, WHOLE)


def _code_point(text: str) -> int:
    return ord(text[0]) if text else 0


@_text("CHR", "whole", also=("CHAR", "NCHAR"), note="the character of a code point",
       limits="fails for what is none")  # fmt: skip
def _chr(call: Call) -> Term:
    value = call.value(0).map_elements(_character, return_dtype=TEXT)
    return call.strict(value, TEXT)


def _character(code: int) -> str | None:
    is_one = 0 < code < 0x110000 and not 0xD800 <= code < 0xE000  # noqa: PLR2004 - surrogates
    return chr(code) if is_one else None


@_text("NORMALIZE", "text", note="Unicode NFC")
def _normalize(call: Call) -> Term:
    return call.made(call.value(0).str.normalize("NFC"), TEXT)


@_text("QUOTENAME", "text", note="in brackets, as T-SQL quotes names")
def _quotename(call: Call) -> Term:
    inner = call.value(0).str.replace_all("]", "]]", literal=True)
    return call.made(pl.concat_str([pl.lit("["), inner, pl.lit("]")]), TEXT)


@_text("STUFF", "text", "whole", "whole", "text", null="null; '' for the last",
       note="so many characters from a place are replaced; null outside the text")  # fmt: skip
def _stuff(call: Call) -> Term:
    text, begin = call.value(0), count_of(call[1]).clip(-_FAR, _FAR)
    length = count_of(call[2]).clip(-1, _FAR)
    inside = (begin >= 1) & (begin <= text.str.len_chars().cast(WHOLE)) & (length >= 0)
    head = text.str.head(pl.when(inside).then(begin - 1))
    tail = text.str.slice(pl.when(inside).then(begin - 1 + length))
    new = call.value(3).fill_null("")
    return call.made(pl.when(inside).then(pl.concat_str([head, new, tail])), TEXT, uses=8)
