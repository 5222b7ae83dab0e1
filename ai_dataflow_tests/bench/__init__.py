"""The benchmarks, as a smoke test: small sizes, no claim about speed."""
