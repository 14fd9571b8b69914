-- What the gateway keeps beside the trades (docs/gateway.md).

CREATE SCHEMA ingest;

-- What was sent and could not be stored.
CREATE TABLE ingest.quarantine (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- conflict: a trade that is stored with other amounts. refused: an acknowledged trade that cannot be stored.
  -- malformed: a body, or the lines of one, that cannot be read.
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('conflict', 'refused', 'malformed')),
  -- The name of the API key; empty for none.
  sender text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  -- A trade is a JSON object with the fields of the gateway; anything else is as it was sent.
  content bytea NOT NULL,
  -- Of a body; null for a trade.
  content_type text,
  -- Whether the content is only the start of what was sent.
  is_cut boolean NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Of all that was sent: a sender that repeats itself does not fill the table.
  digest bytea NOT NULL UNIQUE
);
CREATE INDEX quarantine_by_kind ON ingest.quarantine (kind, entry_id);

-- Answers to requests with an Idempotency-Key, for a day.
CREATE TABLE ingest.idempotency_keys (
  sender text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  -- Of the request.
  fingerprint bytea NOT NULL,
  status int NOT NULL,
  answer text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (sender, key)
);
CREATE INDEX idempotency_keys_by_age ON ingest.idempotency_keys (created_at);
