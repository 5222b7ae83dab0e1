"""Worker processes: calls that others' data goes into are made in processes of their own.

Native code can crash: of a file it cannot bear, of a driver's defect, for want of memory. It ends
its process, and with it what that had in hand (P13). What was in hand is tried again, alone; a
call that ends its process there too is told to be a `Crash`. A process that does nothing for too
long is ended, and then it is the same.

Messages, pickled, on a pair of sockets. To a worker: a call's number, whether it is tried alone,
how many bytes it may take, and the call; or None, to rest. From it: `ready`; `answer`, number and
answers; `raised`, number and an error's text; `beat` and its processor seconds; `hand`, number and
what a call that is tried alone works on; `outgrown` and how much it takes, which is too much.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from ai_dataflow.config.cores import cores
from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.interrupts import check
from ai_dataflow.engine import crew
from ai_dataflow.engine.hand import Crash, Worker
from ai_dataflow.engine.worker import BEAT_SECONDS

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_STILLBORN = 3
_STOOD_STILL = 30 * BEAT_SECONDS


@dataclass(frozen=True)
class Batch(Generic[Item, Answer]):
    """Items and the function that gives an answer for each of them. Both can be pickled.

    `patience` is how many seconds its process may do nothing. `most` is how many bytes it may take
    when it is alone, of which each of several has its share; by default all that there is.
    """

    function: Callable[[Sequence[Item]], Sequence[Answer]]
    items: tuple[Item, ...]
    patience: float
    most: int = sys.maxsize
    sharers: int = 1
    is_suspect: bool = False

    @property
    def memory(self) -> int:
        """How many bytes its process may take."""
        return self.most if self.is_suspect else self.most // self.sharers

    def parts(self, *, single: bool) -> tuple[Batch[Item, Answer], ...]:
        """Give what to try alone after a process ended over it: its halves, or `single` items."""
        size = 1 if single else -(-len(self.items) // 2)
        firsts = range(0, len(self.items), size)
        groups = (self.items[first : first + size] for first in firsts)
        return tuple(replace(self, items=items, is_suspect=True) for items in groups)


def spread(
    batches: Iterable[Batch[Item, Answer]], processes: int, at_once: int, threads: int = 0
) -> Iterator[tuple[Item, Answer | Crash]]:
    """Spread batches over worker processes; give each item with its answer as soon as it is there.

    Args:
        batches: what to do, in this order.
        processes: how many worker processes there are at most.
        at_once: how many batches each has in hand at once.
        threads: in how many threads each computes; by default they share the cores.

    Raises:
        DataflowError: RUN-022: no worker process starts.
        Interrupted: somebody asked for the end; what workers had in hand is lost.
    """
    waiting = deque(batches)
    count = min(processes, len(waiting))
    todo = _ToDo(waiting, threads or max(1, cores() // max(count, 1)))
    with crew.hired(count, todo.heard, todo.threads) as workers:
        looked = time.monotonic()
        while todo.hand_out(workers, at_once):
            check()
            yield from todo.listen(workers)
            stood_still = time.monotonic() - looked > _STOOD_STILL
            looked = time.monotonic()
            for worker in [*workers]:
                if stood_still:  # this process did: nobody is to blame for what it has not heard
                    worker.restart_clock()
                worker.check_patience()
                if worker.is_gone:
                    yield from todo.lost(worker, workers)


@dataclass
class _ToDo:
    """What waits, what is suspect since its process ended, and which processes never began.

    Of the latter a template counts once, however many copies of it ended with it.
    """

    waiting: deque[Batch[Any, Any]]
    threads: int
    suspects: deque[Batch[Any, Any]] = field(default_factory=deque)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    heard: crew.Heard = field(default_factory=SimpleQueue)
    stillborn: set[object] = field(default_factory=set)

    def hand_out(self, workers: list[Worker], at_once: int) -> bool:
        """Give workers what they can hold, a suspect only when all else is done; False at the end.

        So a suspect has the machine's memory to itself. It is tried in a process that is there: who
        has ended with another one, unheard, would be taken for its victim.
        """
        for _, worker in itertools.product(range(at_once), workers):
            if self.waiting and len(worker.in_hand) < at_once:
                worker.send(next(self.numbers), self.waiting.popleft())
        if any(worker.in_hand for worker in workers):
            return True
        alone = next((worker for worker in workers if worker.is_there), None)
        if alone and self.suspects:
            alone.send(next(self.numbers), self.suspects.popleft())
            return True
        return bool(self.suspects)

    def listen(self, workers: list[Worker]) -> Iterator[tuple[Any, Any]]:
        """Wait for a word, a beat at most, and take in all that was said."""
        with suppress(Empty):
            said = [self.heard.get(timeout=BEAT_SECONDS)]
            while not self.heard.empty():
                said.append(self.heard.get())
            for worker, message in said:
                worker.note(message)
                if worker in workers:
                    yield from self._answers(worker, message)

    def _answers(self, worker: Worker, message: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
        match message:
            case ("ready",):
                self.stillborn.clear()
            case ("answer", number, answers):
                yield from zip(worker.in_hand.pop(number).items, answers, strict=True)
            case ("raised", number, error):  # nothing that is called is meant to
                batch = worker.in_hand.pop(number)
                if len(batch.items) > 1:
                    self.suspects.extend(batch.parts(single=True))
                else:
                    yield batch.items[0], Crash("an error", last_words=redacted(error))

    def lost(self, worker: Worker, workers: list[Worker]) -> Iterator[tuple[Any, Crash]]:
        """Replace a worker that is gone. What it had in hand is suspect, or is the cause.

        Raises:
            DataflowError: RUN-022.
        """
        workers.remove(worker)
        crash = worker.end()
        if not worker.is_ready:
            self.stillborn.add(worker.what_ended)
            if len(self.stillborn) == _STILLBORN:
                raise crew.no_worker(crash.ending, crash.last_words)
        for batch in worker.in_hand.values():
            if crash.is_rest or not worker.is_ready:  # it left, or never began
                (self.suspects if batch.is_suspect else self.waiting).appendleft(batch)
            elif batch.is_suspect and len(batch.items) == 1:
                yield batch.items[0], crash
            else:
                self.suspects.extend(batch.parts(single=crash.is_silent))
        if self.waiting or self.suspects:
            crew.add(workers, self.heard, self.threads)
