-- What goes wrong and for how long, and what readers of the history need (docs/control.md).

-- Of the transaction that wrote the entry: entries are committed in another order than they are numbered, and only by this a
-- reader can tell which are new to it.
ALTER TABLE control.job_history ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id();

-- Attempts that ended badly: rare among the transitions.
CREATE INDEX job_history_failures ON control.job_history (tenant, entry_id)
  WHERE from_state = 'leased' AND to_state <> 'succeeded';

-- What waits outside of a line, which no other index has.
CREATE INDEX jobs_out_of_line ON control.jobs (lane_id, state) WHERE ready_order IS NULL AND state IN ('blocked', 'ready');

-- Keeps how often a host asked for fewer requests, and since when it has been slowed down.
CREATE FUNCTION control.note_slowdown() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  is_slow constant boolean := coalesce(NEW.rate < NEW.max_rate, false) OR NEW.not_before > clock_timestamp();
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.hits := CASE WHEN is_slow THEN 1 ELSE 0 END;
    NEW.slowed_since := CASE WHEN is_slow THEN clock_timestamp() END;
    RETURN NEW;
  END IF;
  IF NEW.not_before > OLD.not_before THEN
    NEW.hits := OLD.hits + 1;
  END IF;
  -- A host without a rate is at its ceiling again a minute after its last wait.
  IF NOT is_slow THEN
    NEW.slowed_since := NULL;
  ELSIF OLD.slowed_since IS NULL
    OR NOT coalesce(OLD.rate < OLD.max_rate, OLD.not_before > clock_timestamp() - interval '1 minute') THEN
    NEW.slowed_since := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER throttles_note_slowdown
BEFORE INSERT OR UPDATE OF rate, max_rate, not_before ON control.throttles
FOR EACH ROW EXECUTE FUNCTION control.note_slowdown();

CREATE TABLE control.incidents (
  tenant text COLLATE "C" NOT NULL REFERENCES control.tenants ON DELETE CASCADE,
  incident_id bigint GENERATED ALWAYS AS IDENTITY,
  code text COLLATE "C" NOT NULL,
  -- What it is about, such as a kind, a host or a feed.
  key text COLLATE "C" NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When a rule last found it.
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  closed_at timestamptz,
  -- Null where no job is concerned.
  first_job bigint,
  last_job bigint,
  count bigint NOT NULL,
  message text NOT NULL,
  -- The failure that it consists of, with what differs from job to job taken out; null for none.
  cluster text,
  acknowledged_at timestamptz,
  acknowledged_by text COLLATE "C",
  PRIMARY KEY (tenant, incident_id),
  CONSTRAINT incidents_code CHECK (code IN (
    'worker_lost', 'dead_letters', 'throttled_long', 'lease_losses', 'schedule_late', 'gap', 'artifact_mismatch', 'slo_burn'
  )),
  CONSTRAINT incidents_key_length CHECK (length(key) BETWEEN 1 AND 256),
  CONSTRAINT incidents_order CHECK (closed_at >= opened_at),
  CONSTRAINT incidents_acknowledged CHECK (num_nulls(acknowledged_at, acknowledged_by) IN (0, 2))
);

-- Any number of daemons may find the same thing at once; one incident is opened.
CREATE UNIQUE INDEX incidents_open ON control.incidents (tenant, code, key) WHERE closed_at IS NULL;
