"""The documentation: its generated pages, its site, and the tests that hold it to the code."""
