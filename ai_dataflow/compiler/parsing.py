"""From the text of a cell to sqlglot's tree: how deep and how long it may be, and where it errs.

sqlglot recurses where an expression nests, so the nesting is measured on its tokens before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from ai_dataflow.compiler import dialects

MAX_DEPTH = 100
MAX_LENGTH = 1_000_000
# Of the tree: a level of parentheses has several operators. Chains of these are flat.
_MAX_LEVELS = 6 * MAX_DEPTH
_FLAT = (exp.And, exp.Or, exp.DPipe, exp.Add, exp.Sub)
# Twenty frames of a parser for each level that may be, and as many as a program may have below.
_FRAMES = 10_000
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE, TokenType.L_BRACE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END, TokenType.R_BRACE})
_UNARY = frozenset({TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE})
_ENDS_OPERAND = frozenset(
    {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.IDENTIFIER, TokenType.STRING, TokenType.VAR,
     TokenType.NUMBER, TokenType.END}
)  # fmt: skip


class TransformError(ValueError):
    """The text is not a scalar expression over these columns; the message says why.

    `columns` are those that it reads, as far as it could be parsed; `is_scalar` is false where it
    looks beyond its row. `offset` is where in the text, from 1; 0 where no place tells more.
    """

    def __init__(
        self,
        message: str,
        columns: tuple[str, ...] = (),
        *,
        is_scalar: bool = True,
        offset: int = 0,
    ) -> None:
        super().__init__(message)
        self.columns = columns
        self.is_scalar = is_scalar
        self.offset = offset


@lru_cache(maxsize=8192)
def parsed(text: str, dialect: str = "") -> exp.Expr:
    """Parse an expression; nobody may change the tree, which others have too.

    Raises:
        TransformError: it does not parse, is too long, or nests too deep.
    """
    if len(text) > MAX_LENGTH:
        message = f"it has {len(text):,} characters; {MAX_LENGTH:,} are the limit"
        raise TransformError(message)
    kind = _dialect(dialect)
    try:
        tokens = _names_in_brackets(kind.tokenize(text), text)
        check_depth(tokens)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _FRAMES))
        trees = kind.parser().parse(tokens, text)
    except RecursionError:
        raise TransformError(_too_deep()) from None
    except ParseError as error:
        raise _misread(error, text) from None
    except SqlglotError:
        raise TransformError("a quote or a comment in it is not closed") from None
    if len(trees) != 1 or trees[0] is None:
        raise TransformError("it is not one expression")
    _check_levels(trees[0])
    return trees[0]


@lru_cache
def _dialect(name: str) -> Dialect:
    return dialects.of(name)()


def _check_levels(tree: exp.Expr) -> None:
    """Refuse a tree that is deep without parentheses, as a chain of thousands of factors is."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _MAX_LEVELS:
            raise TransformError(_too_deep(), offset=place_of(node))
        is_flat = isinstance(node, _FLAT) and node.parent is not None
        same = is_flat and isinstance(node.parent, _FLAT) and node.arg_key == "this"
        waiting += [(part, depth + (not same)) for part in node.iter_expressions()]


def check_depth(tokens: list[Token]) -> None:
    """Refuse what nests too deep: parentheses, CASEs, signs and NOTs before one another.

    Raises:
        TransformError: with the place of what is too deep.
    """
    depth = signs = 0
    for token in tokens:
        kind = token.token_type
        signs = signs + 1 if kind in _UNARY else 0
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth + signs > MAX_DEPTH:
            raise TransformError(_too_deep(), offset=token.start + 1)


def _too_deep() -> str:
    return f"it nests deeper than {MAX_DEPTH} levels"


def _names_in_brackets(tokens: list[Token], text: str) -> list[Token]:
    """Take `[Sale No]` for a name, unless it follows what it could be an index of."""
    made: list[Token] = []
    rest = iter(tokens)
    for token in rest:
        end = text.find("]", token.start) if token.token_type == TokenType.L_BRACKET else -1
        name = text[token.start + 1 : end]
        indexes = made and made[-1].token_type in _ENDS_OPERAND and made[-1].text.upper() != "THEN"
        if end < 0 or indexes or not _is_name(name):
            made.append(token)
            continue
        made.append(Token(TokenType.IDENTIFIER, name, token.line, token.col, token.start, end))
        for passed in rest:
            if passed.start >= end:
                break
    return made


def _is_name(text: str) -> bool:
    return bool(text.strip()) and not text[0].isdigit() and not set(text) & set(",'\"[(")


def _misread(error: ParseError, text: str) -> TransformError:
    """Say where it does not parse: sqlglot's message, without its colours and its quotation."""
    detail = error.errors[0] if error.errors else {}
    what = str(detail.get("description") or "it does not parse").rstrip(".")
    near = str(detail.get("highlight") or "")
    line, col = int(detail.get("line") or 1), int(detail.get("col") or 0)
    before = sum(len(part) + 1 for part in text.split("\n")[: line - 1])
    start = before + col - len(near) + 1 if near else before + col
    shown = f" at `{near[:40]}`" if near else ""
    if what.startswith("Required keyword"):
        what = "something is missing"
    return TransformError(f"{what[:1].lower()}{what[1:]}{shown}", offset=max(start, 1))


def place_of(node: exp.Expr) -> int:
    """Give where a node begins in its text, from 1; 0 where nothing in it knows."""
    return min((at for part in _parts(node) if (at := _start(part))), default=0)


def _parts(node: exp.Expr) -> Iterator[exp.Expr]:
    for number, part in enumerate(node.walk()):
        if number > MAX_DEPTH:
            return
        yield part


def _start(node: exp.Expr) -> int:
    start = node.meta.get("start") if node._meta else None
    return 0 if start is None else int(start) + 1
