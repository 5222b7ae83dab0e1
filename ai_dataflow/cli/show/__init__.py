"""What the CLI shows in a terminal: summaries, diagnostics, the state of partitions."""

from ai_dataflow.cli.show.blocks import show_blocks, show_status
from ai_dataflow.cli.show.mails import show_delivery, show_outbox
from ai_dataflow.cli.show.plans import show_feeds, show_plan, show_unchanged
from ai_dataflow.cli.show.problems import (
    diagnostic_lines,
    github_line,
    show_diagnostics,
    show_validation,
    show_verdict,
)
from ai_dataflow.cli.show.rejects import show_rejects, show_replay
from ai_dataflow.cli.show.run_summary import show_cleanup, show_summary, watching

__all__ = [
    "diagnostic_lines",
    "github_line",
    "show_blocks",
    "show_cleanup",
    "show_delivery",
    "show_diagnostics",
    "show_feeds",
    "show_outbox",
    "show_plan",
    "show_rejects",
    "show_replay",
    "show_status",
    "show_summary",
    "show_unchanged",
    "show_validation",
    "show_verdict",
    "watching",
]
