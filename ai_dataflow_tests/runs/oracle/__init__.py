"""An oracle of whole projects in plain Python, and random projects of many clients to ask it about.

`tables`, `rules`, `formats`, `reading`, `transforms`, `reshaping`, `mapping`, `joining`,
`dictionary`, `merging` and `history` are the oracle: they read a project's folder as it is and say
what a run has to come to. They import nothing of `ai_dataflow`. `shapes`, `columns`, `deliveries`,
`faults` and `companies` make projects and change them; `checking` runs these and compares.
"""
