"""Tables and views of databases as sources: their columns, their rows, what tells of changes."""
