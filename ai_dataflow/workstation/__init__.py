"""The AI workstation: where datasets, rejects and reports are published and read back."""
