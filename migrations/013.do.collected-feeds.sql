-- What collectors take back, cannot read, and cannot reach (docs/collectors.md).

-- Takes an interval out of what a feed covers; the watermark stays, so that it becomes a gap. Does nothing for a feed that is not
-- declared.
CREATE FUNCTION control.uncover(of_tenant text, of_feed text, lost_from timestamptz, lost_to timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'coverage is changed under READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Set default_transaction_isolation to "read committed"';
  END IF;
  -- The lock that control.cover takes.
  PERFORM FROM control.feeds WHERE feeds.tenant = of_tenant AND feeds.feed = of_feed FOR NO KEY UPDATE;
  WITH touched AS (
    DELETE FROM control.coverage
    WHERE coverage.tenant = of_tenant AND coverage.feed = of_feed AND from_at < lost_to AND to_at > lost_from
    RETURNING from_at, to_at
  )
  INSERT INTO control.coverage (tenant, feed, from_at, to_at)
  SELECT of_tenant, of_feed, kept_from, kept_to
  FROM touched CROSS JOIN LATERAL (VALUES (from_at, lost_from), (lost_to, to_at)) AS kept (kept_from, kept_to)
  WHERE kept_from < kept_to;
END
$$;

-- What is wrong with collecting now, by source or feed; a row goes when it is over.
CREATE TABLE control.collector_problems (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  code text COLLATE "C" NOT NULL,
  -- The source, or the feed.
  key text COLLATE "C" NOT NULL,
  message text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, code, key),
  CONSTRAINT collector_problems_code CHECK (code IN ('venue_unreachable', 'market_refused')),
  CONSTRAINT collector_problems_key_length CHECK (length(key) BETWEEN 1 AND 256)
);

-- Messages of venues that could not be understood, the newest of each source.
CREATE TABLE control.unread_messages (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  message_id bigint GENERATED ALWAYS AS IDENTITY,
  source text COLLATE "C" NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  reason text NOT NULL,
  -- At most 10 000 characters of it.
  message text NOT NULL,
  PRIMARY KEY (tenant, source, message_id)
);

-- The newest job of each source, which a control daemon looks for every few seconds.
CREATE INDEX jobs_live ON control.jobs (tenant, idempotency_key, job_id) WHERE idempotency_key LIKE 'live:%';

ALTER TABLE control.incidents DROP CONSTRAINT incidents_code;
ALTER TABLE control.incidents ADD CONSTRAINT incidents_code CHECK (code IN (
  'worker_lost', 'dead_letters', 'throttled_long', 'lease_losses', 'schedule_late', 'gap', 'artifact_mismatch', 'slo_burn',
  'venue_unreachable', 'market_refused', 'unread_messages'
));
