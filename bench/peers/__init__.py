"""What a user would pick instead of ai-dataflow, on the same work: each peer's script and environment.

`scripts` has what a competent person would write in an afternoon; `environments` makes what it runs
in; `measuring` runs whole commands; `comparing` compares outputs by client; `cases` are the races and
`page` their table.
"""
