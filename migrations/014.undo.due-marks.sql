DROP FUNCTION control.claim_jobs(text, text[], text, integer, interval, bigint[], bigint[], timestamptz);

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
