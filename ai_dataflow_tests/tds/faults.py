"""What the scripted SQL Server can be told to do wrong."""

from __future__ import annotations

from dataclasses import dataclass

from ai_dataflow_tests.tds.statements import SqlError

_TEXTS = {
    1205: "Transaction was deadlocked on lock resources and has been chosen as the victim.",
    4060: 'Cannot open database "policy" requested by the login. The login failed.',
    18456: "Login failed for user 'reader'.",
    40501: "The service is currently busy. Retry the request after 10 seconds.",
    40613: "Database 'policy' on server 'loopback' is not currently available.",
    49918: "Cannot process request. Not enough resources to process request.",
}


@dataclass(frozen=True)
class Refuse:
    """Answer with an error; while reading, after some rows."""

    number: int
    after: int = 0

    @property
    def error(self) -> SqlError:
        """The error as SQL Server words it."""
        return SqlError(self.number, _TEXTS.get(self.number, "The server was told so."))


@dataclass(frozen=True)
class Break:
    """Break off; while reading, after some rows and, if so told, some bytes of the next.

    The connection is reset, or `ends` as those of a server that goes down in order. With `number`
    a fatal error comes first: 596 is that of a session that was killed.
    """

    after: int = 0
    ends: bool = False
    torn: bool = False
    number: int = 0


@dataclass(frozen=True)
class Delay:
    """Wait; while reading, after some rows."""

    seconds: float
    after: int = 0


Fault = Refuse | Break | Delay
