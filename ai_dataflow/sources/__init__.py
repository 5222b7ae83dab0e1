"""Where product data comes from: files (`adls`) and databases (`azure_sql`), pinned as extracts."""
