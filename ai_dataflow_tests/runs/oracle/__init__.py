"""An oracle of whole projects in plain Python, and random projects of many clients to ask it about.

`cells`, `tables`, `rules`, `formats`, `reading`, `transforms`, `reshaping`, `mapping`, `joining`,
`dictionary`, `computing`, `merging` and `history` are the oracle: they read a project's folder as
it is and say what a run has to come to. They import nothing of `ai_dataflow`. `shapes`, `dressing`,
`columns`, `dressed_values`, `deliveries`, `faults` and `companies` make projects and change them;
`checking` runs these and compares. `sheets` makes and checks small ones, and there can be many.
"""
