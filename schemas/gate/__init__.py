"""The gate that a change of a schema must pass, and the step that releases it (contracts.md; ADR 6).

`shelf` has what a folder holds, `check` what is wrong with it, `release` adds what passes. These last two need the
`avro` package, which nothing else here does; so nothing is imported before it is asked for.
"""
