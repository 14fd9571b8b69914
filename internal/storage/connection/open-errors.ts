import { UnusableUrl } from "../../canonical/unusable-url.ts";
import { asError } from "../../lib/as-error.ts";
import { DatabaseUnusable } from "./errors.ts";

/** Problem and fix by SQLSTATE or the code of a connection error; the first match counts. */
const EXPLANATIONS: readonly {
  readonly code: RegExp;
  readonly text?: RegExp;
  readonly what: string;
  readonly cure: string;
}[] = [
  {
    // Poolers report all errors as protocol violation.
    code: /^08P01$/,
    text: /query_wait_timeout|server_login_retry|server login|cannot connect to server|server conn|DNS lookup/i,
    what: "the pooler answers, but has no connection to its server",
    cure: "check that the server behind it runs, accepts its login and has connections left; see the pooler's log",
  },
  {
    code: /^28P01$/,
    what: "the database refuses the password",
    cure: "check user and password in [database] url (@ / : ? # % in them are written as %40 %2F %3A %3F %23 %25)",
  },
  {
    code: /^08P01$/,
    text: /password authentication failed|no such user|authentication/i,
    what: "the database refuses the password",
    cure: "check user and password in [database] url, and those that the pooler uses for its server",
  },
  {
    code: /^28/,
    text: /no encryption|SSL off/,
    what: "the database refuses unencrypted connections",
    cure: "add sslmode=verify-full, or sslmode=require, to [database] url, or allow this user in pg_hba.conf without TLS",
  },
  {
    code: /^28/,
    what: "the database refuses the login",
    cure: "check user, password and database in [database] url, and that pg_hba.conf allows this machine",
  },
  {
    code: /^(?:3D...|08P01)$/,
    text: /database/i,
    what: "there is no such database",
    cure: "check its name in [database] url, or create it (CREATE DATABASE)",
  },
  {
    code: /./,
    text: /startup parameter|configuration parameter|invalid value for parameter/,
    what: "the database refuses a parameter of [database] url",
    cure: "remove it: parameters unknown to libpq are sent to the server as settings, and poolers accept few of them",
  },
  {
    code: /^(?:53300|08P01)$/,
    text: /too many|no more connections/i,
    what: "the database accepts no more connections",
    cure: "lower [database] max_connections of its clients, or raise max_connections of the server",
  },
  {
    code: /^(?:ENOTFOUND|EAI_AGAIN)$/,
    what: "the host name of the database is not found",
    cure: "check the host in [database] url, and that this machine can resolve it",
  },
  {
    code: /^(?:ECONNREFUSED|ENOENT|EHOSTUNREACH|ENETUNREACH)$/,
    what: "the database does not answer",
    cure: "check host and port in [database] url, that it is running, and that it listens there (listen_addresses)",
  },
  {
    code: /^(?:CONNECT_TIMEOUT|ETIMEDOUT)$/,
    what: "the database does not answer in time",
    cure: "check host and port in [database] url, firewalls in between, and that neither the server nor a pooler hangs",
  },
  {
    code: /^57P03$/,
    what: "the database is starting or stopping",
    cure: "wait; if it persists, see its log",
  },
  {
    code: /^42501$/,
    what: "the role may not connect to the database",
    cure: "GRANT CONNECT ON DATABASE to the role of [database] url",
  },
  {
    code: /^(?:CONNECTION_CLOSED|ECONNRESET|EPIPE)$/,
    what: "the connection to the database is closed before it is ready",
    cure: "check host and port in [database] url: it is not PostgreSQL, a proxy without a server, or a server that requires TLS (sslmode=verify-full)",
  },
  {
    code: /^CONNECT_REFUSED$/,
    what: "no connection meets the requirements of [database] url",
    cure: "check its parameters, the files that it names and the servers",
  },
];

const UNKNOWN = { what: "the database does not answer", cure: "check [database] url, and that it is running" };

/** Explains to an operator why a database could not be opened. */
export function explainOpenError(thrown: unknown): DatabaseUnusable {
  const error = asError(thrown);
  if (error instanceof UnusableUrl) return new DatabaseUnusable(error.message);
  const code = String((error as { code?: unknown }).code ?? "");
  const { what, cure } =
    EXPLANATIONS.find((each) => each.code.test(code) && (each.text === undefined || each.text.test(error.message))) ??
    UNKNOWN;
  return new DatabaseUnusable(`${what} (${error.message || code}); ${cure}`);
}
