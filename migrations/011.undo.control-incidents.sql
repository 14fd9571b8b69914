DROP TABLE control.incidents;
DROP TRIGGER throttles_note_slowdown ON control.throttles;
DROP FUNCTION control.note_slowdown();
DROP INDEX control.jobs_out_of_line;
DROP INDEX control.job_history_failures;
ALTER TABLE control.job_history DROP COLUMN transaction;
