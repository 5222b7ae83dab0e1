"""A scripted SQL Server for tests: it speaks TDS 7.4 with real drivers, and fails as told.

    table = Table("dbo", "t", [("n", "int"), ("note", "nvarchar(20)")], [(1, "a"), (2, None)])
    with TdsServer(table) as server:
        server.inject("read", Break(after=1))  # the next read of rows ends after the first
        ...  # connect with a driver to 127.0.0.1, server.port, as server.user, server.password
        server.reads()  # what was asked

- `server`: sessions: handshake, TLS, login, statements, procedures, attention, transactions.
- `faults`: what it can be told to do wrong: `Refuse`, `Break`, `Delay`.
- `statements`: the SQL that it understands, and tables; anything else is error 102.
- `sql_types`: the types of columns, and how their values look on the wire.
- `wire`: packets and tokens, as [MS-TDS] numbers them.

It knows nothing of who asks. Microsoft's Driver 18 and FreeTDS are those that it was tried with.
"""
