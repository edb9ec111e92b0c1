"""One module per kernel family, each compiled once per instruction-set level into base, v3 and v4."""
