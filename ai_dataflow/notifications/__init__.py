"""Mails: who hears what about a run, what it looks like, and how it is surely delivered."""
