"""The servers that tests talk to: Azurite for Azure Storage, PostgreSQL, faults in between.

All listen on 127.0.0.1 on free ports. `make services-setup` installs what they need.
"""
