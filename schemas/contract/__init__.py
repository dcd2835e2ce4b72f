"""Topics, roles, partitioning, and the contract as a document."""
