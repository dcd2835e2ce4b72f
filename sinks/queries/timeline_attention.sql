SELECT attention_id, reason, repeat, covert, raised_at
FROM ledger.attention
WHERE incident_id = %(incident)s
