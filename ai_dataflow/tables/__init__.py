"""The tables that people write, with their cells: control table, mapping sheet, teams."""
