"""`[formats.<name>]`: how the files of a source are written."""

from __future__ import annotations

from typing import Literal, get_args

from ai_dataflow.config.sections import Section

FormatType = Literal["parquet", "delta", "csv", "jsonl"]
FORMAT_TYPES: tuple[str, ...] = get_args(FormatType)


class FormatSettings(Section):
    """A kind of file that the control table's `file_format` names.

    With `drift = "add"` a mapped column that some files of a location lack is null there.
    """

    type: FormatType
    drift: Literal["", "add"] = ""

    @property
    def spelled(self) -> str:
        """What the section says, as text: what is added to the sections later changes no text."""
        said = self.model_dump(exclude_defaults=True)
        return repr(sorted(said.items()))
