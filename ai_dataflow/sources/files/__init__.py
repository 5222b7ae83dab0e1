"""Files as sources: what is listed at a location, the formats, and opening them."""
