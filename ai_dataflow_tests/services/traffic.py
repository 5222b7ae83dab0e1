"""HTTP requests as servers and proxies saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote


@dataclass
class Request:
    """A request. `status` is what the client was answered, None where it got no answer (yet)."""

    method: str
    target: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path without the query, unquoted: `/<account>/<container>/<blob>`."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        found = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    @property
    def is_listing(self) -> bool:
        """Whether it lists a container's blobs (one page of them)."""
        return self.method == "GET" and self.query.get("comp") == "list" and "restype" in self.query
