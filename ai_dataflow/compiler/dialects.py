"""The SQL that sheets are written in: how each dialect is cut into tokens, parsed and written.

One grammar serves all: sqlglot's operators, and every function as it is spelled; what a function
means is in the registry, not in the parser. A dialect differs in what quotes a name or a text.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp, generator, parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import TokenType

TSQL, SPARK, POSTGRES, DUCKDB = "tsql", "spark", "postgres", "duckdb"
NAMES = (TSQL, SPARK, POSTGRES, DUCKDB)
_TYPED_TEXTS = frozenset(
    {TokenType.DATE, TokenType.TIMESTAMP, TokenType.DATETIME, TokenType.TIME, TokenType.TIMESTAMPTZ}
)
_Base = parser.Parser


def _field(this: exp.Expr, name: exp.Expr) -> exp.Expr:
    return exp.Dot(this=this, expression=exp.to_identifier(name.name, quoted=True))


class _Tokens(tokens.Tokenizer):
    IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ['"', "`"]
    HEX_STRINGS: ClassVar[list[str | tuple[str, str]]] = [("x'", "'"), ("X'", "'"), ("0x", "")]
    BIT_STRINGS: ClassVar[list[str | tuple[str, str]]] = [("b'", "'"), ("B'", "'")]
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        **tokens.Tokenizer.KEYWORDS,
        "//": TokenType.DIV,
        "^@": TokenType.CARET_AT,
        "!~": TokenType.OPERATOR,
        "!~*": TokenType.OPERATOR,
        "REGEXP": TokenType.RLIKE,
        "XOR": TokenType.XOR,
        "**": TokenType.DSTAR,
    }


class _Parser(parser.Parser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNC_TOKENS: ClassVar[set[TokenType]] = _Base.FUNC_TOKENS | {TokenType.DIV}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        "CAST": lambda self: self.parse_cast(safe=False),
        "TRY_CAST": lambda self: self.parse_cast(safe=True),
        "CONVERT": lambda self: self.parse_convert(safe=False),
        "TRY_CONVERT": lambda self: self.parse_convert(safe=True),
        **{name: _Base.FUNCTION_PARSERS[name]
           for name in ("EXTRACT", "POSITION", "SUBSTRING", "TRIM")},
    }  # fmt: skip
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        "CASE": _Base.NO_PAREN_FUNCTION_PARSERS["CASE"]
    }
    RANGE_PARSERS: ClassVar[dict[TokenType, Any]] = {
        **{kind: _Base.RANGE_PARSERS[kind] for kind in (
            TokenType.BETWEEN, TokenType.ILIKE, TokenType.IN, TokenType.IS, TokenType.LIKE,
            TokenType.RLIKE, TokenType.IRLIKE, TokenType.CARET_AT,
        )},
        TokenType.TILDE: _Base.RANGE_PARSERS[TokenType.RLIKE],
        TokenType.OPERATOR: lambda self, this: self.parse_no_match(this),
    }  # fmt: skip
    BITWISE: ClassVar[dict[TokenType, Any]] = {
        **_Base.BITWISE, TokenType.XOR: exp.BitwiseXor
    }  # fmt: skip
    EXPONENT: ClassVar[dict[TokenType, Any]] = {TokenType.DSTAR: exp.Pow}
    COLUMN_OPERATORS: ClassVar[dict[TokenType, Any]] = {
        TokenType.DOT: None,
        TokenType.DCOLON: lambda self, this, to: self.expression(exp.Cast(this=this, to=to)),
        TokenType.ARROW: lambda self, this, name: _field(this, name),
        TokenType.DARROW: lambda self, this, name: _field(this, name),
    }
    CAST_COLUMN_OPERATORS: ClassVar[set[TokenType]] = {TokenType.DCOLON}

    def _parse_statement(self) -> Any:
        """Read an expression where sqlglot would read a statement: nothing else is a transform."""
        return self._parse_assignment()

    def _parse_type(self, parse_interval: bool = True, fallback_to_identifier: bool = False) -> Any:
        """Read an operand; sqlglot tries a function as a type first, nests of them 2^n times."""
        if (atom := self._parse_atom()) is not None:
            return atom
        if parse_interval and (interval := self._parse_interval()):
            return self._parse_column_ops(interval)
        if self._curr.token_type in _TYPED_TEXTS and self._next.token_type == TokenType.STRING:
            self._advance()
            to = exp.DataType(this=exp.DType.USERDEFINED, kind=self._prev.text)
            where = self._prev
            text = self._parse_primary()
            made = self.expression(exp.Cast(this=text, to=to))
            made.meta["typed"] = True
            return self._parse_column_ops(made.update_positions(where))
        return self._parse_column()

    def _parse_types(self, *_: Any, **__: Any) -> Any:
        """Read a type's name as it is spelled; the compiler knows what it is."""
        words: list[str] = []
        while self._curr and not self._ends_type():
            words.append(self._curr.text)
            self._advance()
        if not words:
            return None
        parameters = []
        if self._match(TokenType.L_PAREN):
            while self._curr and self._curr.token_type in (TokenType.NUMBER, TokenType.VAR):
                parameters.append(exp.DataTypeParam(this=exp.Var(this=self._curr.text)))
                self._advance()
                self._match(TokenType.COMMA)
            self._match_r_paren()
        while self._curr and self._curr.text.upper() in ("WITH", "WITHOUT"):
            words += [token.text for token in self._tokens[self._index : self._index + 3]]
            self._advance(3)
        kind = " ".join(words)
        return exp.DataType(this=exp.DType.USERDEFINED, kind=kind, expressions=parameters)

    def _ends_type(self) -> bool:
        kind, text = self._curr.token_type, self._curr.text.upper()
        if self._prev.token_type not in (TokenType.ALIAS, TokenType.L_PAREN, TokenType.DCOLON):
            return text not in ("PRECISION", "VARYING", "UNSIGNED")
        return kind in (TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA) or not text

    def parse_cast(self, *, safe: bool) -> exp.Expr:
        """Read what stands in the parentheses of a CAST."""
        this = self._parse_assignment()
        if not self._match(TokenType.ALIAS):
            self.raise_error("Expected AS after CAST")
        to = self._parse_types()
        if to is None:
            self.raise_error("Expected a type after AS")
        kind = exp.TryCast if safe else exp.Cast
        return self.expression(kind(this=this, to=to))

    def parse_convert(self, *, safe: bool) -> exp.Expr:
        """Read `CONVERT(type, value, style)`."""
        to = self._parse_types()
        if to is None:
            self.raise_error("Expected a type after CONVERT")
        if not self._match(TokenType.COMMA):
            self.raise_error("Expected a comma after the type")
        value = self._parse_assignment()
        style = self._parse_assignment() if self._match(TokenType.COMMA) else None
        return self.expression(exp.Convert(this=to, expression=value, style=style, safe=safe))

    def parse_no_match(self, this: exp.Expr) -> exp.Expr:
        """Read `!~` and `!~*`."""
        kind = exp.RegexpILike if self._prev.text.endswith("*") else exp.RegexpLike
        return self.expression(exp.Not(this=kind(this=this, expression=self._parse_bitwise())))

    def _parse_function_call(self, *args: Any, **more: Any) -> Any:
        """Read a call, and note where it stands: sqlglot does not for what it has parsers for."""
        where = self._curr
        made = super()._parse_function_call(*args, **more)
        if made is not None and "start" not in made.meta:
            made.update_positions(where)
        return made


def _converted(writer: generator.Generator, node: exp.Convert) -> str:
    parts = [node.this, node.expression, *([node.args["style"]] if node.args.get("style") else [])]
    name = "TRY_CONVERT" if node.args.get("safe") else "CONVERT"
    return f"{name}({', '.join(writer.sql(part) for part in parts)})"


def _binary(sign: str) -> Any:
    return lambda writer, node: writer.binary(node, sign)


class _Writer(generator.Generator):
    TRANSFORMS: ClassVar[dict[Any, Any]] = {
        **generator.Generator.TRANSFORMS,
        exp.Convert: _converted,
        exp.IntDiv: _binary("//"),
        exp.RegexpLike: _binary("~"),
        exp.RegexpILike: _binary("~*"),
        exp.StartsWith: _binary("^@"),
        exp.StrPosition: lambda w, n: f"POSITION({w.sql(n, 'substr')} IN {w.sql(n, 'this')})",
    }


class Default(Dialect):
    """Polars' SQL as sheets had it first, and what the others spell in another way."""

    Tokenizer, Parser, Generator = _Tokens, _Parser, _Writer


class Tsql(Dialect):
    """T-SQL: names in brackets or double quotes."""

    class Tokenizer(_Tokens):
        """Its quotes."""

        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ['"', ("[", "]")]

    Parser, Generator = _Parser, _Writer


class SparkSql(Dialect):
    """Spark SQL: names in backticks, texts in either quotes, with backslashes."""

    class Tokenizer(_Tokens):
        """Its quotes."""

        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]
        QUOTES: ClassVar[list[str | tuple[str, str]]] = ["'", '"']
        STRING_ESCAPES: ClassVar[list[str]] = ["'", '"', "\\"]

    Parser, Generator = _Parser, _Writer


BY_NAME: dict[str, type[Dialect]] = {"": Default, TSQL: Tsql, SPARK: SparkSql}


def of(name: str) -> type[Dialect]:
    """Give a dialect by its name in the settings; PostgreSQL and DuckDB quote as the default."""
    return BY_NAME.get(name, Default)
