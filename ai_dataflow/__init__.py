"""From product semantic models to one AI dataset per module, partitioned by client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Workstation", "load"]

if TYPE_CHECKING:
    from ai_dataflow.workstation.datasets import Workstation, load


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import ai_dataflow` alone costs nothing."""
    if name in __all__:
        from ai_dataflow.workstation import datasets  # noqa: PLC0415

        return getattr(datasets, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
