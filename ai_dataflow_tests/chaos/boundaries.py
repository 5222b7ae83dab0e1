"""Write boundaries: the calls of a run that write, delete or commit, counted and given names.

The wrappers are laid over the primitives of the libraries, in a child process only. So they hold
for whatever the product does with them, and no production code knows of them.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import deltalake.transaction
import obstore
import polars as pl
from deltalake import DeltaTable

Side = Literal["before", "during", "after"]
_OF_TABLES = {
    "create_write_transaction": "commit",
    "delete": "delete rows",
    "create_checkpoint": "checkpoint",
    "cleanup_metadata": "tidy log",
}
_PARTS = re.compile(
    r"/(_leases|_staging|_common|_runs|_runs_order|_rejects|_kept|_inputs|_arrivals|_under_way)/"
)


@dataclass(frozen=True)
class Kill:
    """Kill before, during or after the n-th write, counted from 1; `during` so long after it began.

    With a `label` only the writes of that name are counted. A write that ends sooner was killed
    after it, which is a moment like any other.
    """

    number: int
    side: Side
    seconds: float = 0.0
    label: str = ""

    def __str__(self) -> str:
        """Say it, so that a failure can be repeated."""
        late = f" ({self.seconds * 1000:.2f} ms)" if self.side == "during" else ""
        return f"{self.side} write {self.number}{f' of {self.label}' if self.label else ''}{late}"


@dataclass
class Boundaries:
    """Counts this process's writes, tells each one's name before it begins, and kills."""

    tell: Callable[[str], None]
    kill: Kill | None = None
    _count: int = 0
    _process: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self) -> None:
        """Lay the wrappers over everything that writes; copies of this process pass through."""
        self._process = os.getpid()
        for module, name in ((obstore, "put"), (obstore, "delete")):
            replace_everywhere(module, name, self._over(name, _key))
        replace_everywhere(obstore, "open_writer", self._over_writer)
        create = self._over("create table", _uri)
        replace_everywhere(deltalake.transaction, "create_table_with_add_actions", create)
        for method, name in _OF_TABLES.items():
            setattr(DeltaTable, method, self._over(name, _table)(getattr(DeltaTable, method)))
        sink = self._over_sink(pl.LazyFrame.sink_parquet)
        pl.LazyFrame.sink_parquet = sink  # type: ignore[method-assign]

    def _over(self, name: str, place: Callable[..., str]) -> Callable[[Any], Any]:
        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **options: Any) -> Any:
                with self._crossing(f"{name} {_part(place(*args))}"):
                    return original(*args, **options)

            return wrapped

        return wrap

    def _over_sink(self, original: Callable[..., Any]) -> Callable[..., Any]:
        counted = self._over("sink", _target)(original)

        def sunk(frame: pl.LazyFrame, target: Any, **options: Any) -> Any:
            is_file = not isinstance(target, io.BytesIO)  # what is made in memory, `put` sends
            return (counted if is_file else original)(frame, target, **options)

        return sunk

    def _over_writer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def opened(store: Any, key: str, **options: Any) -> Iterator[Any]:
            with ExitStack() as stack:
                yield stack.enter_context(original(store, key, **options))
                with self._crossing(f"close {_part(_key(store, key))}"):  # now the file appears
                    stack.close()

        return opened

    @contextmanager
    def _crossing(self, label: str) -> Iterator[None]:
        if os.getpid() != self._process:  # a worker: it is the run that is killed
            yield
            return
        with self._lock:
            is_it = self._counts(label)
            self.tell(label)
        if not is_it or self.kill is None:
            yield
            return
        if self.kill.side == "before":
            die()
        if self.kill.side == "during":
            threading.Timer(self.kill.seconds, die).start()
        yield
        die()

    def _counts(self, label: str) -> bool:
        """Count a write, if it is of the kind to count; tell whether it is the one to kill at."""
        if self.kill is None or self.kill.label not in ("", label):
            return False
        self._count += 1
        return self._count == self.kill.number


def die() -> None:
    """End this process as a machine that loses its power does: nothing is told, nothing tidied."""
    os.kill(os.getpid(), signal.SIGKILL)


def replace_everywhere(module: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap a function wherever our modules have it: some import it by its name."""
    original = getattr(module, name)
    ours = [m for key, m in sys.modules.items() if key.split(".")[0] == "ai_dataflow"]
    for holder in (module, *ours):
        for key, value in list(vars(holder).items()):
            if value is original:
                setattr(holder, key, wrap(original))


def _part(place: str) -> str:
    """Give the part of the workstation that a place is in; a table's own has no underscore."""
    found = _PARTS.search(f"/{place}/")
    return found[1] if found else "data"


def _key(store: Any, key: str, *_: Any) -> str:
    return f"{store.prefix or ''}/{key}"


def _uri(uri: str, *_: Any) -> str:
    return uri


def _table(table: DeltaTable, *_: Any) -> str:
    return table.table_uri


def _target(_: pl.LazyFrame, target: Any, *__: Any) -> str:
    return str(getattr(target, "base_path", target))
