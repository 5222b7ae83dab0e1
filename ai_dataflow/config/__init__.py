"""The settings and their sections; diagnostics and the catalogue of their codes."""
