"""What users write, and what is wrong with it: settings, the three tables, diagnostics."""
