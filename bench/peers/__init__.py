"""What a user would pick instead of ai-dataflow, on the same work: the peers of the bench.

`scripts` has what a competent person would write in an afternoon; `environments` makes what that
runs in; `measuring` runs whole commands; `comparing` compares outputs by client; `cases` are the
races and `page` their table.
"""
