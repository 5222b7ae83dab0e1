"""How text files are read that are not all in UTF-8 with commas, source by source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.planning.plan import Plan
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.text_dialects import Dialect


@dataclass(frozen=True)
class TextFiles:
    """How some files of a source are read: as the settings say, or as it was found out."""

    location: str
    product: str
    submodule: str
    partition: PartitionKey
    dialect: Dialect
    files: int

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data; `begins` is how many lines stand before the first row."""
        written = self.dialect
        return {
            "location": self.location,
            "product": self.product,
            "submodule": self.submodule,
            "partition": self.partition,
            "files": self.files,
            "encoding": written.encoding,
            "delimiter": written.delimiter,
            "quote": written.quote,
            "packing": written.packing,
            "begins": written.begins,
            "columns": len(written.columns),
            "doubt": written.doubt,
        }


def text_files(plan: Plan) -> Iterator[TextFiles]:
    """Give how text files are read, of each source and for each way in which its files are."""
    for key, job in sorted(plan.jobs.items()):
        for source in job.sources:
            seen = source.seen
            for dialect, files in Counter(
                seen.dialects if isinstance(seen, Listing) else ()
            ).items():
                yield TextFiles(
                    str(source.location), source.product, source.submodule, key, dialect, files
                )
