"""Storage accounts and databases: credentials, stores, drivers, and what their refusals mean."""
