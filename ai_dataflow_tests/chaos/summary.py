"""What many rounds have seen, as a table: where runs were killed, and what readers saw then."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ai_dataflow_tests.chaos.rounds import Round


@dataclass
class Summary:
    """Counts of kills by place and by what readers saw, of rounds and of reads."""

    kills: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rounds: int = 0
    reads: int = 0

    def add(self, rounds: Iterable[Round]) -> None:
        """Count rounds, as they are played."""
        for played in rounds:
            self.rounds += 1
            self.reads += played.reads
            for kill in played.kills:
                self.kills[kill.where][kill.seen] += 1

    @property
    def total(self) -> int:
        """All kills."""
        return sum(counted.total() for counted in self.kills.values())

    def __str__(self) -> str:
        """Give the table."""
        seen = sorted({name for counted in self.kills.values() for name in counted})
        wide = max(map(len, self.kills), default=0)
        lines = [f"{'readers see':{wide}}" + "".join(f"{name:>14}" for name in seen)]
        for where, counted in sorted(self.kills.items()):
            lines.append(f"{where:{wide}}" + "".join(f"{counted[name] or '':>14}" for name in seen))
        return "\n".join([*lines, f"{self.total} kills, {self.rounds} rounds, {self.reads} reads"])
