"""The data card of a module: what it says, how it is put together, and its page."""
