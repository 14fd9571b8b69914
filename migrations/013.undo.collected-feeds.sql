DELETE FROM control.incidents WHERE code IN ('venue_unreachable', 'market_refused', 'unread_messages');
ALTER TABLE control.incidents DROP CONSTRAINT incidents_code;
ALTER TABLE control.incidents ADD CONSTRAINT incidents_code CHECK (code IN (
  'worker_lost', 'dead_letters', 'throttled_long', 'lease_losses', 'schedule_late', 'gap', 'artifact_mismatch', 'slo_burn'
));
DROP INDEX control.jobs_live;
DROP TABLE control.unread_messages;
DROP TABLE control.collector_problems;
DROP FUNCTION control.uncover(text, text, timestamptz, timestamptz);
