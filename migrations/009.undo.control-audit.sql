DROP TABLE control.audit_log;
