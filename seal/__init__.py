"""The seal: a signed Merkle tree over every record that decided something (docs/evidence.md).

`ronde seal` reads the topics and keeps the hash of each record in PostgreSQL's schema ``seal``, outside of the ledger
and its retention. No alert waits for it.

The parts: `proofs`, `ed25519` and `verify` need the standard library alone, and become a dossier's verifier;
`commitments` makes a record's leaf; `tree` proves; `store` keeps; `sealing` reads the topics, which `topic_ids` knows
again; `checking` compares with them; `dossier` writes one; `keys` signs; `stamps` asks a time-stamping authority.
"""
