-- Facts on record, and who is told of them (docs/deliveries.md). A delivery is a job of the control plane.
CREATE SCHEMA events;

CREATE TABLE events.events (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  -- The order of recording.
  sequence bigint GENERATED ALWAYS AS IDENTITY,
  -- The name of the API key that posted it; empty for the index's own.
  sender text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  pair text COLLATE "C",
  -- Its data: the text of a JSON object as it was given; null once it is archived.
  body text,
  -- SHA-256 of the data in canonical form (RFC 8785), so that the same data in another notation is the same event.
  digest bytea NOT NULL,
  -- The object of the archive that has the data: SHA-256 of the object, in hex.
  archived_as text COLLATE "C",
  traceparent text COLLATE "C",
  received_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, sequence),
  UNIQUE (tenant, sender, id),
  CONSTRAINT events_id_length CHECK (length(id) BETWEEN 1 AND 256),
  CONSTRAINT events_type_form CHECK (type ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  CONSTRAINT events_body_kept CHECK (body IS NOT NULL OR archived_as IS NOT NULL)
);
CREATE INDEX events_by_id ON events.events (tenant, id);
CREATE INDEX events_by_age ON events.events (tenant, recorded_at);
-- What the archive may take next.
CREATE INDEX events_with_body ON events.events (tenant, recorded_at, sequence) WHERE body IS NOT NULL;

-- Events that came again with other data.
CREATE TABLE events.conflicts (
  tenant text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  digest bytea NOT NULL,
  body text NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, sequence, digest),
  FOREIGN KEY (tenant, sequence) REFERENCES events.events ON DELETE CASCADE
);

-- Who is told. Addresses and secrets stay in the configuration of the daemon that delivers.
CREATE TABLE events.destinations (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  destination text COLLATE "C" NOT NULL,
  -- Which events it is told of.
  filter jsonb NOT NULL,
  -- The value of this JSON pointer into the data, or the pair where it is empty, is the key within which events are
  -- delivered in order; null for no order.
  order_key text COLLATE "C",
  max_attempts integer NOT NULL,
  -- False for one that left the configuration: it gets no new events.
  is_active boolean NOT NULL DEFAULT true,
  declared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, destination),
  CONSTRAINT destinations_destination_form CHECK (destination ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  CONSTRAINT destinations_max_attempts_range CHECK (max_attempts >= 1)
);

-- The outbox: one row for each destination of an event, written in the transaction that records the event.
CREATE TABLE events.deliveries (
  tenant text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  destination text COLLATE "C" NOT NULL,
  job_id bigint NOT NULL,
  PRIMARY KEY (tenant, sequence, destination),
  FOREIGN KEY (tenant, sequence) REFERENCES events.events ON DELETE CASCADE,
  FOREIGN KEY (tenant, job_id) REFERENCES control.jobs ON DELETE CASCADE
);
CREATE INDEX deliveries_of_job ON events.deliveries (tenant, job_id);

-- The newest delivery of each key of an ordered destination. Whoever adds one locks the row.
CREATE TABLE events.order_heads (
  tenant text COLLATE "C" NOT NULL,
  destination text COLLATE "C" NOT NULL,
  order_key text COLLATE "C" NOT NULL,
  -- Null until the first delivery is added.
  job_id bigint,
  PRIMARY KEY (tenant, destination, order_key),
  FOREIGN KEY (tenant, destination) REFERENCES events.destinations ON DELETE CASCADE,
  CONSTRAINT order_heads_key_length CHECK (length(order_key) <= 256)
);
