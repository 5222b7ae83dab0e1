"""What the CLI shows in a terminal: summaries, diagnostics, the state of partitions."""
