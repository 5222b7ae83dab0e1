"""Where product data comes from: `files` and `sql`, their schemas, and what a survey saw there."""
