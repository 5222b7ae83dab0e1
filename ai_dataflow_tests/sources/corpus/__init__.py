"""Small files as many programs write them, each with what another reader has of it.

`docs/formats.md` has a table made of them: kind of file, what is read, what is refused.
"""
