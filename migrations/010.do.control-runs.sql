-- What is collected and how far it has come, ranges that are done in windows, what jobs produced, and what starts by the
-- clock (docs/control.md).

CREATE TABLE control.feeds (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  feed text COLLATE "C" NOT NULL,
  -- Source and host of its jobs; empty for none.
  source text COLLATE "C" NOT NULL DEFAULT '',
  host text COLLATE "C" NOT NULL DEFAULT '',
  -- The kind of job that fetches a window of it; the window's from and to are added to this payload.
  kind text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  -- Event time from which it is to be complete.
  start_at timestamptz NOT NULL,
  -- Length of a window where a backfill names none.
  chunk_seconds integer NOT NULL DEFAULT 3600,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, feed),
  CONSTRAINT feeds_feed_form CHECK (feed ~ '^[a-z0-9][A-Za-z0-9.:/_-]{0,127}$'),
  CONSTRAINT feeds_source_form CHECK (source ~ '^([a-z0-9][a-z0-9._-]{0,63})?$'),
  CONSTRAINT feeds_host_form CHECK (host ~ '^([A-Za-z0-9][A-Za-z0-9.:_-]{0,252})?$'),
  CONSTRAINT feeds_kind_form CHECK (kind ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  CONSTRAINT feeds_payload_object CHECK (jsonb_typeof(payload) = 'object'),
  CONSTRAINT feeds_start_finite CHECK (isfinite(start_at)),
  CONSTRAINT feeds_chunk_range CHECK (chunk_seconds BETWEEN 1 AND 31622400)
);

-- Event time that a feed has come to. It never goes back.
CREATE TABLE control.watermarks (
  tenant text COLLATE "C" NOT NULL,
  feed text COLLATE "C" NOT NULL,
  complete_to timestamptz NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, feed),
  FOREIGN KEY (tenant, feed) REFERENCES control.feeds ON DELETE CASCADE,
  CONSTRAINT watermarks_finite CHECK (isfinite(complete_to))
);

-- Half-open intervals of event time that a feed has completely. Those of one feed neither overlap nor touch.
CREATE TABLE control.coverage (
  tenant text COLLATE "C" NOT NULL,
  feed text COLLATE "C" NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, feed, from_at),
  FOREIGN KEY (tenant, feed) REFERENCES control.feeds ON DELETE CASCADE,
  CONSTRAINT coverage_interval CHECK (from_at < to_at AND isfinite(from_at) AND isfinite(to_at))
);

-- Adds an interval to what a feed covers, joined with those that it overlaps or touches, and moves the watermark up to its
-- end. What lies in the future is left out: it was not there when it was fetched. Does nothing for a feed that is not
-- declared.
CREATE FUNCTION control.cover(of_tenant text, of_feed text, added_from timestamptz, added_to timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  first timestamptz;
  past_to timestamptz;
BEGIN
  -- A statement keeps its snapshot while it waits for a lock; only under READ COMMITTED does the next one get its own.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'coverage is added under READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Set default_transaction_isolation to "read committed"';
  END IF;
  -- One at a time for each feed: two that add intervals beside each other would both leave them unjoined.
  PERFORM FROM control.feeds WHERE feeds.tenant = of_tenant AND feeds.feed = of_feed FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  past_to := least(added_to, clock_timestamp());
  IF past_to <= added_from THEN
    RETURN;
  END IF;
  -- The intervals are disjoint, so that of those that begin before only the last can reach up to the new one.
  SELECT max(from_at) INTO first FROM control.coverage
  WHERE coverage.tenant = of_tenant AND coverage.feed = of_feed AND from_at <= added_from;
  WITH touched AS (
    DELETE FROM control.coverage
    WHERE coverage.tenant = of_tenant AND coverage.feed = of_feed
      AND from_at >= coalesce(first, added_from) AND from_at <= past_to AND to_at >= added_from
    RETURNING from_at, to_at
  )
  INSERT INTO control.coverage (tenant, feed, from_at, to_at)
  SELECT of_tenant, of_feed, least(added_from, min(from_at)), greatest(past_to, max(to_at)) FROM touched;
  INSERT INTO control.watermarks (tenant, feed, complete_to) VALUES (of_tenant, of_feed, past_to)
  ON CONFLICT (tenant, feed) DO UPDATE SET complete_to = excluded.complete_to, moved_at = clock_timestamp()
  WHERE watermarks.complete_to < excluded.complete_to;
END
$$;

-- A range of event time that is done in windows, each by a job of its own.
CREATE TABLE control.runs (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  run_id bigint GENERATED ALWAYS AS IDENTITY,
  kind text COLLATE "C" NOT NULL,
  feed text COLLATE "C",
  payload jsonb NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  chunk_seconds integer NOT NULL,
  -- The job that puts together what the windows gave; null where the kind has none.
  merge_job_id bigint,
  actor text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, run_id),
  FOREIGN KEY (tenant, merge_job_id) REFERENCES control.jobs ON DELETE CASCADE,
  CONSTRAINT runs_range CHECK (from_at < to_at AND isfinite(from_at) AND isfinite(to_at)),
  CONSTRAINT runs_chunk_range CHECK (chunk_seconds >= 1)
);
CREATE INDEX runs_of_merge ON control.runs (tenant, merge_job_id) WHERE merge_job_id IS NOT NULL;
CREATE INDEX runs_of_feed ON control.runs (tenant, feed, run_id) WHERE feed IS NOT NULL;

-- Which job does which window of a run. Two runs share a job while their windows are the same and it has not ended.
CREATE TABLE control.run_windows (
  tenant text COLLATE "C" NOT NULL,
  run_id bigint NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  job_id bigint NOT NULL,
  PRIMARY KEY (tenant, run_id, from_at),
  FOREIGN KEY (tenant, run_id) REFERENCES control.runs ON DELETE CASCADE,
  FOREIGN KEY (tenant, job_id) REFERENCES control.jobs ON DELETE CASCADE,
  CONSTRAINT run_windows_interval CHECK (from_at < to_at)
);
CREATE INDEX run_windows_of_job ON control.run_windows (tenant, job_id);

-- Adds the windows of succeeded jobs to the coverage of their feeds.
CREATE FUNCTION control.cover_windows(of_tenant text, succeeded bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  done record;
BEGIN
  -- Feeds in the order of their names, as everybody locks them; windows that touch are added as one.
  FOR done IN
    SELECT feed, unnest(range_agg(tstzrange(run_windows.from_at, run_windows.to_at))) AS span
    FROM control.run_windows JOIN control.runs USING (tenant, run_id)
    WHERE run_windows.tenant = of_tenant AND run_windows.job_id = ANY(succeeded) AND feed IS NOT NULL
    GROUP BY feed ORDER BY feed
  LOOP
    PERFORM control.cover(of_tenant, done.feed, lower(done.span), upper(done.span));
  END LOOP;
END
$$;

-- What jobs produced. The content is kept elsewhere, under the uri.
CREATE TABLE control.artifacts (
  tenant text COLLATE "C" NOT NULL,
  artifact_id bigint GENERATED ALWAYS AS IDENTITY,
  job_id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  bytes bigint NOT NULL,
  uri text COLLATE "C" NOT NULL,
  inputs_key text COLLATE "C" NOT NULL,
  -- The hash that the same inputs gave first, where it is another one.
  expected_sha256 text COLLATE "C",
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, artifact_id),
  UNIQUE (tenant, job_id, name, sha256),
  FOREIGN KEY (tenant, job_id) REFERENCES control.jobs ON DELETE CASCADE,
  CONSTRAINT artifacts_name_form CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
  CONSTRAINT artifacts_sha256_form CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  CONSTRAINT artifacts_bytes_range CHECK (bytes >= 0),
  CONSTRAINT artifacts_uri_length CHECK (length(uri) BETWEEN 1 AND 2048),
  CONSTRAINT artifacts_inputs_key_length CHECK (length(inputs_key) BETWEEN 1 AND 256),
  CONSTRAINT artifacts_mismatch CHECK (expected_sha256 <> sha256)
);
CREATE INDEX artifacts_mismatched ON control.artifacts (tenant, artifact_id) WHERE expected_sha256 IS NOT NULL;

-- The first hash that inputs gave. A table of its own, so that of two artifacts at once one waits for the other.
CREATE TABLE control.artifact_inputs (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  inputs_key text COLLATE "C" NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, inputs_key)
);

-- Jobs that start by the clock, at the ticks of a cron expression or every so many seconds.
CREATE TABLE control.schedules (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  name text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  cron text COLLATE "C",
  every_seconds integer,
  time_zone text COLLATE "C" NOT NULL,
  missed text COLLATE "C" NOT NULL,
  overlap text COLLATE "C" NOT NULL,
  jitter_seconds integer NOT NULL,
  -- From the configuration, which may remove it again.
  is_configured boolean NOT NULL,
  paused_reason text,
  -- The next tick that has no job yet, and the last that got one.
  next_at timestamptz NOT NULL,
  last_at timestamptz,
  -- The job of that tick, which may have been removed.
  last_job_id bigint,
  -- Ticks that got no job as the one before had not ended, and the last of them.
  skipped_ticks bigint NOT NULL DEFAULT 0,
  skipped_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, name),
  CONSTRAINT schedules_name_form CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  CONSTRAINT schedules_kind_form CHECK (kind ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  CONSTRAINT schedules_ticks CHECK ((cron IS NULL) <> (every_seconds IS NULL)),
  CONSTRAINT schedules_every_range CHECK (every_seconds BETWEEN 1 AND 31622400),
  CONSTRAINT schedules_missed CHECK (missed IN ('skip', 'coalesce', 'catch_up')),
  CONSTRAINT schedules_overlap CHECK (overlap IN ('skip', 'allow')),
  CONSTRAINT schedules_jitter_range CHECK (jitter_seconds BETWEEN 0 AND 86400)
);
CREATE INDEX schedules_due ON control.schedules (next_at) WHERE paused_reason IS NULL;

-- Removes jobs that ended so long ago, with their history, artifacts and dependencies; returns how many. Dead letters stay
-- until they are redriven, jobs that others need until these have ended as long ago, and all jobs of a run while one of
-- them stays: the run goes first. Any number of callers may do so at once.
CREATE FUNCTION control.remove_ended_jobs(most_jobs integer, keep interval) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  horizon constant timestamptz := clock_timestamp() - keep;
  gone integer;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'jobs are removed under READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Set default_transaction_isolation to "read committed"';
  END IF;
  DELETE FROM control.runs USING (
    SELECT old.tenant, old.run_id FROM control.runs AS old
    WHERE old.created_at < horizon
      AND NOT EXISTS (
        SELECT FROM control.run_windows AS part JOIN control.jobs USING (tenant, job_id)
        WHERE part.tenant = old.tenant AND part.run_id = old.run_id
          AND (jobs.ended_at IS NULL OR jobs.ended_at >= horizon OR jobs.state = 'dead')
      )
      AND NOT EXISTS (
        SELECT FROM control.jobs AS merge WHERE merge.tenant = old.tenant AND merge.job_id = old.merge_job_id
          AND (merge.ended_at IS NULL OR merge.ended_at >= horizon OR merge.state = 'dead')
      )
    ORDER BY old.tenant, old.run_id
    LIMIT 10
    FOR UPDATE OF old SKIP LOCKED
  ) AS expired
  WHERE runs.tenant = expired.tenant AND runs.run_id = expired.run_id;

  PERFORM set_config('stellarindex.maintenance', 'on', true);
  WITH expired AS (
    SELECT old.tenant, old.job_id FROM control.jobs AS old
    WHERE old.ended_at < horizon AND old.state <> 'dead'
      AND NOT EXISTS (
        SELECT FROM control.run_windows AS part WHERE part.tenant = old.tenant AND part.job_id = old.job_id
      )
      AND NOT EXISTS (
        SELECT FROM control.runs WHERE runs.tenant = old.tenant AND runs.merge_job_id = old.job_id
      )
      AND NOT EXISTS (
        SELECT FROM control.dag_edges AS edge
        JOIN control.jobs AS dependant ON dependant.tenant = edge.tenant AND dependant.job_id = edge.job_id
        WHERE edge.tenant = old.tenant AND edge.needs = old.job_id
          AND (dependant.ended_at IS NULL OR dependant.ended_at >= horizon)
      )
    ORDER BY old.ended_at
    LIMIT most_jobs
    FOR UPDATE OF old SKIP LOCKED
  ),
  removed AS (
    DELETE FROM control.jobs USING expired
    WHERE jobs.tenant = expired.tenant AND jobs.job_id = expired.job_id
    RETURNING jobs.tenant, jobs.job_id
  ),
  forgotten AS (
    DELETE FROM control.job_history USING removed
    WHERE job_history.tenant = removed.tenant AND job_history.job_id = removed.job_id
  )
  SELECT count(*)::integer INTO gone FROM removed;
  PERFORM set_config('stellarindex.maintenance', 'off', true);
  RETURN gone;
END
$$;
