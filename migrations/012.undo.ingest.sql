DROP TABLE ingest.idempotency_keys;
DROP TABLE ingest.quarantine;
DROP SCHEMA ingest;
