-- Who did what to the ledger, and why. A row commits with the change that it tells of.
CREATE TABLE control.audit_log (
  tenant text COLLATE "C" NOT NULL,
  entry_id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT statement_timestamp(),
  actor text COLLATE "C" NOT NULL,
  -- Such as jobs.cancel.
  action text COLLATE "C" NOT NULL,
  target jsonb NOT NULL,
  reason text NOT NULL,
  ticket text,
  -- What changed.
  result jsonb NOT NULL,
  PRIMARY KEY (tenant, entry_id),
  CONSTRAINT audit_log_actor_length CHECK (length(actor) BETWEEN 1 AND 256),
  CONSTRAINT audit_log_reason_length CHECK (length(btrim(reason)) BETWEEN 1 AND 1000),
  CONSTRAINT audit_log_ticket_length CHECK (length(ticket) BETWEEN 1 AND 256)
);

CREATE TRIGGER audit_log_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON control.audit_log
FOR EACH STATEMENT EXECUTE FUNCTION control.refuse_change();
