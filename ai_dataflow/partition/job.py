"""A partition's job: plain data that can be sent to any machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from ai_dataflow.config.keys import PartitionKey, SourceKey
from ai_dataflow.config.sent import Sent
from ai_dataflow.extracts.extract import Common
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_columns import DictionaryRow, Effect
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.code_lists import CodeList
from ai_dataflow.workstation.relations import IS_KEY, REFERENCES, VALID_FROM, YES


@dataclass(frozen=True)
class AiColumn:
    """A column of a module's AI dataset.

    `rule` is what the dictionary says of it, and `codes` are, by product, the values that it then
    may have; `on_repeats` tells what becomes of keys that are there twice.
    """

    name: str
    ai_type: str
    description: str = ""
    rule: DictionaryRow | None = None
    codes: tuple[tuple[str, CodeList], ...] = ()
    on_repeats: Effect = "fail"

    def __hash__(self) -> int:
        """Hash what tells most columns apart: they are looked up for each partition."""
        return hash((self.name, self.ai_type))

    @property
    def notes(self) -> dict[str, str]:
        """What else travels in the dataset's schema, for people and programs."""
        said = {"unit": self.rule.unit, "sensitivity": self.rule.sensitivity} if self.rule else {}
        return {name: text for name, text in said.items() if text}

    @property
    def relations(self) -> dict[str, str]:
        """What travels there for programs that compare and join: keys and what they refer to."""
        if self.rule is None:
            return {}
        said = {
            IS_KEY: YES if self.rule.is_key else "",
            REFERENCES: self.rule.references,
            VALID_FROM: self.rule.valid_from,
        }
        return {name: text for name, text in said.items() if text}


@dataclass(frozen=True, slots=True)
class PartitionJob(Sent):
    """All that it takes to make one partition. Holds no secrets: those stay in the settings.

    `lease` is the number of the lease that it is made under; 0 while it is only planned.
    `computed` are by product the mapping rows that read its AI columns, where it has some.
    `common` are the extracts that were made once for all partitions of a run, by their sources; or
    why there is none. `manifest` is that of its last extracts, as it was under that lease; empty
    where there was none, None where nobody has looked.
    """

    module: str
    client: str
    columns: tuple[AiColumn, ...]
    sources: tuple[SourceJob, ...]
    lease: int = 0
    computed: Mapping[str, tuple[MappingRow, ...]] = field(default_factory=dict)
    common: Common = field(default_factory=dict)
    manifest: str | None = None

    @property
    def partition(self) -> PartitionKey:
        """The partition's key."""
        return PartitionKey.of(self.module, self.client)

    def by_product(self) -> dict[str, tuple[SourceJob, ...]]:
        """Give the sources of each product; products by name, submodules as planned."""
        ordered = sorted(self.sources, key=lambda source: source.product)
        return {
            p: tuple(sources) for p, sources in groupby(ordered, key=lambda source: source.product)
        }

    def in_order(self) -> list[SourceJob]:
        """Give the sources in the order in which they are read."""
        return [source for sources in self.by_product().values() for source in sources]

    @property
    def size(self) -> int:
        """Bytes of its files, as far as a survey has seen them."""
        listings = [source.seen for source in self.sources if isinstance(source.seen, Listing)]
        return sum(file.size for listing in listings for file in listing.files)


@dataclass(frozen=True)
class MadeAs:
    """How a partition was made whose rejects are replayed, as far as that is known.

    `types` are those of its columns. The run `run_id` read the sources in `alike` from where they
    are read now, and took their rows by the rules of now.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    alike: frozenset[SourceKey] = frozenset()
