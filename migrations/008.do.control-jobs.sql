-- The ledger of jobs: what is to be done, who does it, and each step of its life (docs/control.md).
CREATE SCHEMA control;

CREATE TABLE control.tenants (
  tenant text COLLATE "C" PRIMARY KEY,
  -- Jobs that may be leased at once, and jobs that may start in a day (UTC); null is unlimited.
  max_concurrent integer,
  max_per_day integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT tenants_tenant_form CHECK (tenant ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  CONSTRAINT tenants_max_concurrent_range CHECK (max_concurrent >= 0),
  CONSTRAINT tenants_max_per_day_range CHECK (max_per_day >= 0)
);

INSERT INTO control.tenants (tenant) VALUES ('default');

CREATE TABLE control.daily_starts (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  day date NOT NULL,
  starts bigint NOT NULL,
  PRIMARY KEY (tenant, day)
);

-- Where work is limited by source; a source without a row is unlimited.
CREATE TABLE control.sources (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  source text COLLATE "C" NOT NULL,
  max_concurrent integer,
  PRIMARY KEY (tenant, source),
  CONSTRAINT sources_source_form CHECK (source ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  CONSTRAINT sources_max_concurrent_range CHECK (max_concurrent >= 0)
);

-- What is paused: nothing of it is leased until the pause is lifted.
CREATE TABLE control.pauses (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  scope text COLLATE "C" NOT NULL,
  -- Of the source or feed, or the id of the run; empty for the tenant itself.
  name text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  actor text COLLATE "C" NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, scope, name),
  CONSTRAINT pauses_scope CHECK (scope IN ('tenant', 'source', 'feed', 'run')),
  CONSTRAINT pauses_name CHECK ((name = '') = (scope = 'tenant')),
  CONSTRAINT pauses_run CHECK (scope <> 'run' OR name ~ '^[1-9][0-9]{0,17}$')
);

-- Feeds and runs that jobs were submitted for, or that were paused. Whoever submits a job locks the row against whoever
-- pauses or resumes, until the end of the transaction, so that one of the two sees the other.
CREATE TABLE control.pausable (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  scope text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, scope, name),
  CONSTRAINT pausable_scope CHECK (scope IN ('feed', 'run'))
);

-- Times in which nothing of a source, or nothing at all, is leased.
CREATE TABLE control.blackouts (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  blackout_id bigint GENERATED ALWAYS AS IDENTITY,
  -- Empty for all jobs of the tenant.
  source text COLLATE "C" NOT NULL,
  -- The first moment, and the first one after it.
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  reason text NOT NULL,
  actor text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, blackout_id),
  CONSTRAINT blackouts_source_form CHECK (source ~ '^([a-z0-9][a-z0-9._-]{0,63})?$'),
  CONSTRAINT blackouts_order CHECK (starts_at < ends_at)
);

-- Token buckets: a job of a host takes one token when it is leased. A host without a row is unlimited.
CREATE TABLE control.throttles (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  host text COLLATE "C" NOT NULL,
  -- Tokens a second: what the host bears by its settings, and what is granted at present. All four are null where nobody
  -- has set a rate: the host only asked to wait.
  max_rate double precision,
  rate double precision,
  burst double precision,
  tokens double precision,
  counted_at timestamptz NOT NULL DEFAULT now(),
  not_before timestamptz NOT NULL DEFAULT '-infinity',
  -- How often the host asked for fewer requests, and since when it has been slowed down without a break (migration 011).
  hits bigint NOT NULL DEFAULT 0,
  slowed_since timestamptz,
  PRIMARY KEY (tenant, host),
  CONSTRAINT throttles_host_form CHECK (host ~ '^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$'),
  CONSTRAINT throttles_rates CHECK (rate > 0 AND rate <= max_rate AND max_rate <= 1e6 AND burst >= 1 AND burst <= 1e6),
  CONSTRAINT throttles_complete CHECK (num_nulls(max_rate, rate, burst, tokens) IN (0, 4))
);

-- Jobs that wait in one line: first ready, first leased.
CREATE TABLE control.lanes (
  lane_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  kind text COLLATE "C" NOT NULL,
  priority smallint NOT NULL,
  -- Empty where the job has none: unique constraints tell nulls apart.
  source text COLLATE "C" NOT NULL,
  host text COLLATE "C" NOT NULL,
  -- Claims look at open lanes only. A lane without jobs that wait or run is closed after some time, and opened by the next
  -- job: whoever gives it one locks its row first (control.open_lanes), whoever closes it skips locked rows.
  is_open boolean NOT NULL DEFAULT true,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (tenant, kind, priority, source, host),
  CONSTRAINT lanes_kind_form CHECK (kind ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  CONSTRAINT lanes_priority_range CHECK (priority BETWEEN 0 AND 9),
  CONSTRAINT lanes_source_form CHECK (source ~ '^([a-z0-9][a-z0-9._-]{0,63})?$'),
  CONSTRAINT lanes_host_form CHECK (host ~ '^([A-Za-z0-9][A-Za-z0-9.:_-]{0,252})?$')
);

CREATE INDEX lanes_open ON control.lanes (tenant, kind) WHERE is_open;

CREATE SEQUENCE control.ready_order;
CREATE SEQUENCE control.lease_tokens;

CREATE TABLE control.jobs (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  job_id bigint GENERATED ALWAYS AS IDENTITY,
  lane_id bigint NOT NULL REFERENCES control.lanes,
  -- The feed that it collects for, and the run that it was made with.
  feed text COLLATE "C",
  run_id bigint,
  -- Its feed or run is paused: it stays out of line.
  is_held boolean NOT NULL DEFAULT false,
  state text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  idempotency_key text COLLATE "C",
  -- Dependencies that have not succeeded.
  pending integer NOT NULL DEFAULT 0,
  run_at timestamptz NOT NULL DEFAULT now(),
  -- The place in the lane; null while blocked, held, or before run_at.
  ready_order bigint,
  attempt integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL DEFAULT 5,
  -- Leases in a row that ended without a report: a job that kills its workers is not tried for ever.
  workers_lost integer NOT NULL DEFAULT 0,
  -- Of the newest lease. It grows with every lease, so that a report of an older lease is told apart.
  lease_token bigint,
  leased_until timestamptz,
  worker text COLLATE "C",
  -- How far the attempt has come, 0 to 1, if its worker says so.
  progress double precision,
  traceparent text COLLATE "C",
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (tenant, job_id),
  CONSTRAINT jobs_state CHECK (
    state IN ('blocked', 'ready', 'leased', 'succeeded', 'failed', 'dead', 'cancelled')
  ),
  CONSTRAINT jobs_ended CHECK ((ended_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'dead', 'cancelled'))),
  CONSTRAINT jobs_blocked CHECK (state <> 'blocked' OR pending > 0),
  CONSTRAINT jobs_leased CHECK ((leased_until IS NOT NULL AND worker IS NOT NULL) = (state = 'leased')),
  CONSTRAINT jobs_held CHECK (NOT is_held OR ready_order IS NULL),
  CONSTRAINT jobs_progress_range CHECK (progress BETWEEN 0 AND 1),
  CONSTRAINT jobs_feed_form CHECK (feed ~ '^[a-z0-9][A-Za-z0-9.:/_-]{0,127}$'),
  CONSTRAINT jobs_max_attempts_range CHECK (max_attempts >= 1),
  CONSTRAINT jobs_idempotency_key_length CHECK (length(idempotency_key) BETWEEN 1 AND 256)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX jobs_idempotency ON control.jobs (tenant, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND state IN ('blocked', 'ready', 'leased');
CREATE INDEX jobs_in_line ON control.jobs (lane_id, ready_order) WHERE state = 'ready' AND ready_order IS NOT NULL;
CREATE INDEX jobs_due ON control.jobs (tenant, run_at) WHERE state = 'ready' AND ready_order IS NULL AND NOT is_held;
CREATE INDEX jobs_leased_until ON control.jobs (leased_until) WHERE state = 'leased';
CREATE INDEX jobs_leased_by_lane ON control.jobs (lane_id, leased_until) WHERE state = 'leased';
CREATE INDEX jobs_of_feed ON control.jobs (tenant, feed, job_id)
  WHERE feed IS NOT NULL AND state IN ('blocked', 'ready', 'leased');
CREATE INDEX jobs_of_run ON control.jobs (tenant, run_id, job_id) WHERE run_id IS NOT NULL;

CREATE TABLE control.dag_edges (
  tenant text COLLATE "C" NOT NULL,
  job_id bigint NOT NULL,
  -- The job that has to succeed first.
  needs bigint NOT NULL,
  PRIMARY KEY (tenant, needs, job_id),
  FOREIGN KEY (tenant, job_id) REFERENCES control.jobs ON DELETE CASCADE,
  FOREIGN KEY (tenant, needs) REFERENCES control.jobs ON DELETE CASCADE
);
CREATE INDEX dag_edges_of_job ON control.dag_edges (tenant, job_id);

-- Jobs that may be removed some day.
CREATE INDEX jobs_ended_at ON control.jobs (ended_at) WHERE ended_at IS NOT NULL;

-- Every transition of every job; rows are only added, and removed with their job alone (control.remove_ended_jobs).
CREATE TABLE control.job_history (
  tenant text COLLATE "C" NOT NULL,
  entry_id bigint GENERATED ALWAYS AS IDENTITY,
  job_id bigint NOT NULL,
  -- Null for the first entry of a job.
  from_state text COLLATE "C",
  to_state text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  lease_token bigint,
  worker text COLLATE "C",
  -- A stable reason code, such as worker_lost, and what the worker said.
  reason text COLLATE "C",
  message text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, entry_id)
);
CREATE INDEX job_history_of_job ON control.job_history (tenant, job_id, entry_id);

CREATE FUNCTION control.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER job_history_append_only
BEFORE UPDATE OR TRUNCATE ON control.job_history
FOR EACH STATEMENT EXECUTE FUNCTION control.refuse_change();

-- As for trades, what removes rows says so in its transaction.
CREATE TRIGGER job_history_kept
BEFORE DELETE ON control.job_history
FOR EACH STATEMENT
WHEN (current_setting('stellarindex.maintenance', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION control.refuse_change();

-- Jobs that ended dead, until they are redriven.
CREATE TABLE control.dead_letters (
  tenant text COLLATE "C" NOT NULL,
  job_id bigint NOT NULL,
  reason text COLLATE "C" NOT NULL,
  message text,
  died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, job_id),
  FOREIGN KEY (tenant, job_id) REFERENCES control.jobs ON DELETE CASCADE
);

-- Opens lanes, and keeps them open until the caller's transaction ends.
CREATE FUNCTION control.open_lanes(lanes bigint[]) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT FROM control.lanes WHERE lane_id = ANY(open_lanes.lanes) ORDER BY lane_id FOR KEY SHARE;
  -- A statement of its own, which sees what was closed while the lock was waited for.
  UPDATE control.lanes SET is_open = true, opened_at = clock_timestamp()
  WHERE lane_id = ANY(open_lanes.lanes) AND NOT is_open;
END;

-- Whether a job of the lane waits or runs. Each state has an index of its own.
CREATE FUNCTION control.is_in_use(lane bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM control.jobs WHERE lane_id = lane AND state = 'ready' AND ready_order IS NOT NULL)
  OR EXISTS (SELECT FROM control.jobs WHERE lane_id = lane AND state = 'leased')
  OR EXISTS (SELECT FROM control.jobs WHERE lane_id = lane AND state IN ('blocked', 'ready') AND ready_order IS NULL);

-- Closes lanes that have been open for a time and have no job that waits or runs; returns how many.
CREATE FUNCTION control.close_lanes(most_lanes integer, open_for interval) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  idle bigint[];
  closed integer;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'lanes are closed under READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Set default_transaction_isolation to "read committed"';
  END IF;
  SELECT coalesce(array_agg(lane_id), '{}') INTO idle FROM (
    SELECT lane_id FROM control.lanes
    WHERE is_open AND opened_at <= clock_timestamp() - open_for AND NOT control.is_in_use(lane_id)
    LIMIT most_lanes
    FOR UPDATE SKIP LOCKED
  ) AS locked;
  -- Whoever gave one of them a job before it was locked has committed, and is seen by a statement of its own.
  UPDATE control.lanes SET is_open = false WHERE lane_id = ANY(idle) AND NOT control.is_in_use(lane_id);
  GET DIAGNOSTICS closed = ROW_COUNT;
  RETURN closed;
END
$$;

-- Whether a new job of a feed and run is held. Neither is paused or resumed until the caller's transaction ends: that would
-- miss the job.
CREATE FUNCTION control.is_held(of_tenant text, of_feed text, of_run bigint) RETURNS boolean
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO control.pausable (tenant, scope, name)
  SELECT of_tenant, scope, name FROM (VALUES ('feed', of_feed), ('run', of_run::text)) AS given (scope, name)
  WHERE name IS NOT NULL
  ON CONFLICT DO NOTHING;
  SELECT FROM control.pausable
  WHERE tenant = of_tenant AND (scope = 'feed' AND name = of_feed OR scope = 'run' AND name = of_run::text)
  ORDER BY scope
  FOR KEY SHARE;
  -- A statement of its own, which sees a pause that the one before waited for.
  SELECT EXISTS (
    SELECT FROM control.pauses
    WHERE tenant = of_tenant AND (scope = 'feed' AND name = of_feed OR scope = 'run' AND name = of_run::text)
  );
END;

-- The tokens that a host has; null where nobody has set its rate.
CREATE FUNCTION control.tokens_at(throttle control.throttles, moment timestamptz) RETURNS float8
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN (throttle).rate IS NOT NULL THEN
  least(
    (throttle).burst,
    (throttle).tokens + (throttle).rate * greatest(0, extract(epoch FROM moment - (throttle).counted_at)::float8)
  )
END;

-- What each lane may start now, by the limits of its tenant, source and host; null is unlimited. The caller has locked the
-- rows of these limits, so that nobody else starts a job under them meanwhile.
CREATE FUNCTION control.lane_room(lane control.lanes, moment timestamptz) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN least(
  (
    SELECT greatest(0, max_concurrent - (
      SELECT count(*) FROM control.jobs
      JOIN control.lanes AS same ON same.lane_id = jobs.lane_id
      WHERE same.tenant = lane.tenant AND same.source = lane.source AND state = 'leased'
    ))
    FROM control.sources
    WHERE sources.tenant = lane.tenant AND sources.source = lane.source AND max_concurrent IS NOT NULL
  ),
  (
    SELECT CASE
      WHEN not_before > moment THEN 0
      ELSE floor(control.tokens_at(throttles, moment))
    END
    FROM control.throttles WHERE throttles.tenant = lane.tenant AND throttles.host = lane.host
  ),
  (
    SELECT greatest(0, max_concurrent - (
      SELECT count(*) FROM control.jobs
      JOIN control.lanes AS same ON same.lane_id = jobs.lane_id
      WHERE same.tenant = lane.tenant AND state = 'leased'
    ))
    FROM control.tenants WHERE tenants.tenant = lane.tenant AND max_concurrent IS NOT NULL
  ),
  (
    SELECT greatest(0, max_per_day - coalesce((
      SELECT starts FROM control.daily_starts
      WHERE daily_starts.tenant = lane.tenant AND day = (moment AT TIME ZONE 'UTC')::date
    ), 0))
    FROM control.tenants WHERE tenants.tenant = lane.tenant AND max_per_day IS NOT NULL
  )
)::integer;

-- Leases up to most_jobs ready jobs of the kinds to a worker. Lanes are taken in order of priority; one whose first job
-- waits rises by one class a minute, so that none starves. marks are a hint: lane_marks[i] says below which ready_order
-- the caller saw no ready job in lanes[i], so that index entries of finished jobs, which stay while any old transaction
-- is open, are not read again.
CREATE FUNCTION control.claim_jobs(
  of_tenant text, kinds text[], by_worker text, most_jobs integer, lease interval, lanes bigint[], lane_marks bigint[]
) RETURNS TABLE (
  job_id bigint, lane_id bigint, kind text, payload jsonb, attempt integer, max_attempts integer, lease_token bigint,
  leased_until timestamptz, source text, host text, feed text, run_id bigint, traceparent text, ready_order bigint
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  moment constant timestamptz := clock_timestamp();
  wanted integer := most_jobs;
  room integer;
  taken integer;
  candidate record;
  -- What is paused or in a blackout.
  is_closed boolean;
  closed_sources text[];
  closed_feeds text[];
  closed_runs bigint[];
BEGIN
  -- A statement keeps its snapshot while it waits for a lock; only under READ COMMITTED does the next one get its own.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'jobs are claimed under READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Set default_transaction_isolation to "read committed"';
  END IF;

  -- Not FOR UPDATE, which would wait for everybody who submits a job: its foreign key locks the tenant, too.
  -- While another claim counts under the quota, this one gives nothing: waiting would hold a connection, and the worker asks
  -- again.
  PERFORM FROM control.tenants
  WHERE tenants.tenant = of_tenant AND (max_concurrent IS NOT NULL OR max_per_day IS NOT NULL)
  FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND AND EXISTS (
    SELECT FROM control.tenants
    WHERE tenants.tenant = of_tenant AND (max_concurrent IS NOT NULL OR max_per_day IS NOT NULL)
  ) THEN
    RETURN;
  END IF;

  SELECT coalesce(bool_or(scope = 'tenant'), false),
    coalesce(array_agg(name) FILTER (WHERE scope = 'source'), '{}'),
    coalesce(array_agg(name) FILTER (WHERE scope = 'feed'), '{}'),
    coalesce(array_agg(name::bigint) FILTER (WHERE scope = 'run'), '{}')
  INTO is_closed, closed_sources, closed_feeds, closed_runs
  FROM (
    SELECT scope, name FROM control.pauses WHERE pauses.tenant = of_tenant
    UNION ALL
    SELECT CASE source WHEN '' THEN 'tenant' ELSE 'source' END, source FROM control.blackouts
    WHERE blackouts.tenant = of_tenant AND starts_at <= moment AND ends_at > moment
  ) AS closed;
  IF is_closed THEN
    RETURN;
  END IF;

  -- What is due gets its place in line, in the order of its time.
  WITH due AS MATERIALIZED (
    SELECT due.tenant, due.job_id, due.run_at FROM control.jobs AS due
    WHERE due.tenant = of_tenant AND due.state = 'ready' AND due.ready_order IS NULL AND NOT due.is_held
      AND due.run_at <= moment
    ORDER BY due.run_at, due.job_id
    LIMIT 1000
    FOR NO KEY UPDATE SKIP LOCKED
  ),
  placed AS MATERIALIZED (
    SELECT sorted.tenant, sorted.job_id, nextval('control.ready_order') AS place
    FROM (SELECT due.tenant, due.job_id FROM due ORDER BY due.run_at, due.job_id) AS sorted
  )
  UPDATE control.jobs SET ready_order = placed.place
  FROM placed WHERE jobs.tenant = placed.tenant AND jobs.job_id = placed.job_id;

  FOR candidate IN
    SELECT lane, head.ready_order AS mark
    FROM control.lanes AS lane
    LEFT JOIN unnest(lanes, lane_marks) AS hint (lane_id, mark) ON hint.lane_id = lane.lane_id
    CROSS JOIN LATERAL (
      SELECT first.ready_order, first.run_at FROM control.jobs AS first
      WHERE first.lane_id = lane.lane_id AND first.state = 'ready' AND first.ready_order >= coalesce(hint.mark, 0)
      ORDER BY first.ready_order
      LIMIT 1
    ) AS head
    WHERE lane.tenant = of_tenant AND lane.is_open AND lane.kind = ANY(kinds) AND lane.source <> ALL(closed_sources)
    ORDER BY lane.priority - floor(extract(epoch FROM moment - head.run_at) / 60), head.ready_order
  LOOP
    EXIT WHEN wanted = 0;
    -- A lane is skipped while another claim counts under the same limit: waiting would hold up the other lanes.
    PERFORM FROM control.sources
    WHERE sources.tenant = of_tenant AND sources.source = (candidate.lane).source
    FOR NO KEY UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND AND EXISTS (
      SELECT FROM control.sources
      WHERE sources.tenant = of_tenant AND sources.source = (candidate.lane).source AND max_concurrent IS NOT NULL
    );
    PERFORM FROM control.throttles
    WHERE throttles.tenant = of_tenant AND throttles.host = (candidate.lane).host
    FOR NO KEY UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND AND EXISTS (
      SELECT FROM control.throttles WHERE throttles.tenant = of_tenant AND throttles.host = (candidate.lane).host
    );
    -- Where the clock was set back, tokens are counted from now on. Not from moment: a claim that began later may have
    -- counted up to a later time, which must not be counted again.
    UPDATE control.throttles SET counted_at = clock_timestamp()
    WHERE throttles.tenant = of_tenant AND throttles.host = (candidate.lane).host AND counted_at > clock_timestamp();
    room := control.lane_room(candidate.lane, moment);
    CONTINUE WHEN room = 0;

    RETURN QUERY
    WITH chosen AS (
      SELECT waiting.tenant, waiting.job_id, waiting.ready_order FROM control.jobs AS waiting
      WHERE waiting.lane_id = (candidate.lane).lane_id AND waiting.state = 'ready'
        AND waiting.ready_order >= candidate.mark
        -- Held jobs are not in line. Should one be there all the same, it is not leased.
        AND (waiting.feed = ANY(closed_feeds)) IS NOT TRUE AND (waiting.run_id = ANY(closed_runs)) IS NOT TRUE
      ORDER BY waiting.ready_order
      LIMIT least(wanted, room)
      FOR UPDATE SKIP LOCKED
    ),
    leased AS (
      UPDATE control.jobs SET
        state = 'leased', ready_order = NULL, attempt = jobs.attempt + 1,
        lease_token = nextval('control.lease_tokens'), leased_until = moment + lease, worker = by_worker,
        progress = NULL
      FROM chosen
      WHERE jobs.tenant = chosen.tenant AND jobs.job_id = chosen.job_id
      RETURNING jobs.*, chosen.ready_order AS place
    ),
    logged AS (
      INSERT INTO control.job_history (tenant, job_id, from_state, to_state, attempt, lease_token, worker, at)
      SELECT leased.tenant, leased.job_id, 'ready', 'leased', leased.attempt, leased.lease_token, leased.worker, moment
      FROM leased
    )
    SELECT leased.job_id, leased.lane_id, (candidate.lane).kind, leased.payload, leased.attempt, leased.max_attempts,
      leased.lease_token, leased.leased_until, (candidate.lane).source, (candidate.lane).host, leased.feed,
      leased.run_id, leased.traceparent, leased.place
    FROM leased ORDER BY leased.place;

    GET DIAGNOSTICS taken = ROW_COUNT;
    CONTINUE WHEN taken = 0;
    wanted := wanted - taken;
    UPDATE control.throttles SET
      tokens = control.tokens_at(throttles, moment) - taken,
      counted_at = greatest(counted_at, moment)
    WHERE throttles.tenant = of_tenant AND throttles.host = (candidate.lane).host;
    INSERT INTO control.daily_starts (tenant, day, starts)
    SELECT of_tenant, (moment AT TIME ZONE 'UTC')::date, taken FROM control.tenants
    WHERE tenants.tenant = of_tenant AND max_per_day IS NOT NULL
    ON CONFLICT (tenant, day) DO UPDATE SET starts = daily_starts.starts + excluded.starts;
  END LOOP;
END
$$;

-- Counts succeeded jobs off their dependants; those that need no other become ready. A cancelled dependant is counted as
-- well: it may be retried.
CREATE FUNCTION control.unblock(of_tenant text, succeeded bigint[]) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH dependants AS (
    SELECT waiting.tenant, waiting.job_id, needed.edges
    FROM (
      SELECT tenant, job_id, count(*)::integer AS edges FROM control.dag_edges
      WHERE tenant = of_tenant AND needs = ANY(succeeded) GROUP BY tenant, job_id
    ) AS needed
    JOIN control.jobs AS waiting ON waiting.tenant = needed.tenant AND waiting.job_id = needed.job_id
    ORDER BY waiting.job_id
    FOR NO KEY UPDATE OF waiting
  ),
  counted AS (
    UPDATE control.jobs SET
      pending = pending - edges,
      state = CASE WHEN state = 'blocked' AND pending = edges THEN 'ready' ELSE state END,
      run_at = CASE WHEN state = 'blocked' AND pending = edges THEN greatest(run_at, clock_timestamp()) ELSE run_at END,
      ready_order = CASE
        WHEN state = 'blocked' AND pending = edges AND run_at <= clock_timestamp() AND NOT is_held
          THEN nextval('control.ready_order')
      END
    FROM dependants WHERE jobs.tenant = dependants.tenant AND jobs.job_id = dependants.job_id
    RETURNING jobs.job_id, jobs.state, jobs.attempt
  )
  INSERT INTO control.job_history (tenant, job_id, from_state, to_state, attempt, reason)
  SELECT of_tenant, job_id, 'blocked', 'ready', attempt, 'dependencies_succeeded' FROM counted WHERE state = 'ready';
END;

-- Adapts the rates of hosts to what ended jobs were told: additive increase, multiplicative decrease. Source: D. Chiu and
-- R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer Networks", Computer
-- Networks and ISDN Systems 17 (1989). The caller has locked the jobs; hosts are locked last and in order. A claim locks
-- hosts before jobs, but waits for neither.
CREATE FUNCTION control.adapt_throttles(of_tenant text, ended control.jobs[], reports jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  told record;
BEGIN
  FOR told IN
    SELECT lanes.host, coalesce(bool_or(given.is_throttled), false) AS is_throttled,
      -- Five seconds where the host does not say how long.
      greatest(coalesce(max(given.retry_after_seconds), 5), 0) * interval '1 second' AS pause,
      count(DISTINCT job.job_id) FILTER (WHERE job.state = 'succeeded') AS successes
    FROM unnest(ended) AS job
    JOIN control.lanes USING (lane_id)
    JOIN jsonb_to_recordset(reports) AS given (
      job_id bigint, lease_token bigint, is_throttled boolean, retry_after_seconds float8
    ) USING (job_id, lease_token)
    WHERE lanes.host <> ''
    GROUP BY lanes.host ORDER BY lanes.host
  LOOP
    IF told.is_throttled THEN
      INSERT INTO control.throttles (tenant, host, not_before)
      VALUES (of_tenant, told.host, clock_timestamp() + told.pause)
      ON CONFLICT (tenant, host) DO UPDATE SET
        tokens = control.tokens_at(throttles, clock_timestamp()),
        counted_at = clock_timestamp(),
        -- While the host waits already, the answer is to a request of before that: it may lengthen the wait only.
        rate = CASE
          WHEN throttles.not_before > clock_timestamp() THEN throttles.rate
          ELSE greatest(throttles.rate / 2, throttles.max_rate / 64)
        END,
        not_before = greatest(throttles.not_before, excluded.not_before);
    ELSIF told.successes > 0 THEN
      UPDATE control.throttles SET
        tokens = control.tokens_at(throttles, clock_timestamp()),
        counted_at = clock_timestamp(),
        rate = least(max_rate, rate + max_rate * told.successes / 200)
      WHERE tenant = of_tenant AND host = told.host AND rate < max_rate AND not_before <= clock_timestamp();
    END IF;
  END LOOP;
END
$$;

-- Gives a running worker up to so many tokens of its job's host, and says after how many seconds the rest may be had.
-- Returns no row where the lease is lost.
CREATE FUNCTION control.grant_tokens(of_tenant text, of_job bigint, of_lease bigint, wanted integer)
RETURNS TABLE (granted integer, wait_seconds float8)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  of_host text;
  throttle control.throttles;
  moment timestamptz;
  available float8;
BEGIN
  SELECT lanes.host INTO of_host FROM control.jobs JOIN control.lanes USING (lane_id)
  WHERE jobs.tenant = of_tenant AND job_id = of_job AND state = 'leased' AND lease_token = of_lease
    AND leased_until > clock_timestamp();
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT * INTO throttle FROM control.throttles WHERE tenant = of_tenant AND host = of_host FOR NO KEY UPDATE;
  -- After waiting for the lock: whoever held it has counted up to an earlier time.
  moment := clock_timestamp();
  available := control.tokens_at(throttle, moment);
  granted := CASE WHEN throttle.not_before > moment THEN 0 ELSE least(wanted, floor(available)) END;
  UPDATE control.throttles SET tokens = available - granted, counted_at = moment
  WHERE tenant = of_tenant AND host = of_host AND rate IS NOT NULL;
  wait_seconds := CASE WHEN granted = wanted THEN 0 ELSE greatest(
    0,
    extract(epoch FROM greatest(throttle.not_before, moment) - moment)::float8,
    -- More than the burst can never be had at once.
    (least(wanted - granted, throttle.burst) - (available - granted)) / throttle.rate
  ) END;
  RETURN NEXT;
END
$$;

-- Ends attempts as their workers report. Each element of reports has job_id, lease_token, outcome (succeeded, failed,
-- retry, or released: handed back, which costs no attempt), reason, message, retry_seconds, is_throttled (the host asked
-- for fewer requests) and retry_after_seconds (what it said, or null). Returns the jobs whose lease is still the worker's; a
-- report of an older lease changes nothing.
CREATE FUNCTION control.report_jobs(of_tenant text, reports jsonb) RETURNS TABLE (job_id bigint, state text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  moment constant timestamptz := clock_timestamp();
  ended control.jobs[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'jobs are reported under READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Set default_transaction_isolation to "read committed"';
  END IF;

  WITH given AS (
    SELECT DISTINCT ON (job_id, lease_token) of_tenant AS tenant, * FROM jsonb_to_recordset(reports) AS report (
      job_id bigint, lease_token bigint, outcome text, reason text, message text, retry_seconds float8,
      retry_after_seconds float8
    )
  ),
  held AS (
    -- In the order of their ids, as everybody locks jobs that waits for them.
    SELECT held.tenant, held.job_id, held.attempt, held.lease_token, held.worker, given.reason, given.message,
      given.outcome = 'released' AS is_released,
      CASE
        WHEN given.outcome IN ('succeeded', 'failed') THEN given.outcome
        WHEN given.outcome = 'retry' AND held.attempt >= held.max_attempts THEN 'dead'
        ELSE 'ready'
      END AS next,
      -- What the host says wins.
      moment
        + least(greatest(coalesce(given.retry_after_seconds, given.retry_seconds, 0), 0), 1e9) * interval '1 second' AS due
    FROM given JOIN control.jobs AS held ON held.tenant = given.tenant AND held.job_id = given.job_id
      AND given.outcome IN ('succeeded', 'failed', 'retry', 'released')
    WHERE held.state = 'leased' AND held.lease_token = given.lease_token
    ORDER BY held.job_id
    FOR NO KEY UPDATE OF held
  ),
  changed AS (
    UPDATE control.jobs SET
      state = held.next, leased_until = NULL, worker = NULL, workers_lost = 0,
      max_attempts = CASE WHEN is_released THEN jobs.max_attempts + 1 ELSE jobs.max_attempts END,
      ended_at = CASE WHEN held.next <> 'ready' THEN moment END,
      run_at = CASE WHEN held.next = 'ready' THEN held.due ELSE run_at END,
      ready_order = CASE
        WHEN held.next = 'ready' AND held.due <= moment AND NOT jobs.is_held THEN nextval('control.ready_order')
      END
    FROM held
    -- Once more, for the row as it is after waiting for its lock.
    WHERE jobs.tenant = held.tenant AND jobs.job_id = held.job_id
      AND jobs.state = 'leased' AND jobs.lease_token = held.lease_token
    RETURNING jobs.*
  ),
  logged AS (
    INSERT INTO control.job_history (
      tenant, job_id, from_state, to_state, attempt, lease_token, worker, reason, message, at
    )
    SELECT of_tenant, job_id, 'leased', next, attempt, lease_token, worker, reason, message, moment FROM held
  ),
  buried AS (
    INSERT INTO control.dead_letters (tenant, job_id, reason, message, died_at)
    SELECT of_tenant, job_id, coalesce(reason, 'attempts_exhausted'), message, moment FROM held WHERE next = 'dead'
  )
  SELECT coalesce(array_agg(changed), '{}') INTO ended FROM changed;

  -- A statement of its own, which sees the dependants that were submitted while the lock was waited for.
  PERFORM control.unblock(of_tenant, ARRAY(SELECT job.job_id FROM unnest(ended) AS job WHERE job.state = 'succeeded'));
  -- The windows of feeds that were fetched (migration 010).
  IF EXISTS (SELECT FROM unnest(ended) AS job WHERE job.state = 'succeeded' AND job.feed IS NOT NULL) THEN
    PERFORM control.cover_windows(
      of_tenant, ARRAY(SELECT job.job_id FROM unnest(ended) AS job WHERE job.state = 'succeeded' AND job.feed IS NOT NULL)
    );
  END IF;
  PERFORM control.adapt_throttles(of_tenant, ended, reports);
  RETURN QUERY SELECT job.job_id, job.state FROM unnest(ended) AS job ORDER BY job.job_id;
END
$$;

-- Returns the jobs of ended leases to their lanes. A job whose attempts are used up, or that lost most_lost workers in a row, is
-- dead: it would go on killing them.
CREATE FUNCTION control.rescue_jobs(most_jobs integer, most_lost integer)
RETURNS TABLE (tenant text, job_id bigint, state text, attempt integer, worker text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH expired AS (
    SELECT lost.tenant, lost.job_id, lost.attempt, lost.lease_token, lost.worker,
      CASE
        WHEN lost.workers_lost + 1 >= most_lost THEN 'workers_lost'
        WHEN lost.attempt >= lost.max_attempts THEN 'attempts_exhausted'
      END AS cause_of_death
    FROM control.jobs AS lost
    WHERE lost.state = 'leased' AND lost.leased_until <= statement_timestamp()
    ORDER BY lost.leased_until
    LIMIT most_jobs
    FOR NO KEY UPDATE SKIP LOCKED
  ),
  changed AS (
    UPDATE control.jobs SET
      state = CASE WHEN cause_of_death IS NULL THEN 'ready' ELSE 'dead' END,
      leased_until = NULL, worker = NULL, workers_lost = workers_lost + 1,
      ended_at = CASE WHEN cause_of_death IS NOT NULL THEN statement_timestamp() END,
      ready_order = CASE WHEN cause_of_death IS NULL AND NOT is_held THEN nextval('control.ready_order') END
    FROM expired
    WHERE jobs.tenant = expired.tenant AND jobs.job_id = expired.job_id
    RETURNING jobs.tenant, jobs.job_id, jobs.state, jobs.attempt, expired.worker, expired.lease_token, cause_of_death
  ),
  logged AS (
    INSERT INTO control.job_history (tenant, job_id, from_state, to_state, attempt, lease_token, worker, reason)
    SELECT tenant, job_id, 'leased', state, attempt, lease_token, worker, 'worker_lost' FROM changed
  ),
  buried AS (
    INSERT INTO control.dead_letters (tenant, job_id, reason)
    SELECT tenant, job_id, cause_of_death FROM changed WHERE cause_of_death IS NOT NULL
  )
  SELECT tenant, job_id, state, attempt, worker FROM changed ORDER BY tenant, job_id;
END;
