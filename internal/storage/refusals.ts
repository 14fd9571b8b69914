import { asError } from "../canonical/as-error.ts";
import { UnusableUrl } from "../canonical/unusable-url.ts";
import { DatabaseUnusable } from "./errors.ts";

/** What is the matter, and the cure, by the codes of PostgreSQL and of our own connections. */
const WORDS: readonly {
  readonly code: RegExp;
  readonly text?: RegExp;
  readonly what: string;
  readonly cure: string;
}[] = [
  {
    // Poolers have one code, of the protocol, for all that they say.
    code: /^08P01$/,
    text: /query_wait_timeout|server_login_retry|server login|cannot connect to server|server conn|DNS lookup/i,
    what: "the pooler answers, and has no connection to its server",
    cure: "see that the server behind it runs, lets it in and has connections left; the pooler's log says why",
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
    cure: "check user and password in [database] url, and where that is another user, those that the pooler has for its server",
  },
  {
    code: /^28/,
    text: /no encryption|SSL off/,
    what: "the database refuses a connection that is not encrypted",
    cure: "add sslmode=verify-full, or sslmode=require, to [database] url, or let this user in without by pg_hba.conf",
  },
  {
    code: /^28/,
    what: "the database refuses the login",
    cure: "check user, password and database in [database] url, and who may connect from here by pg_hba.conf",
  },
  {
    code: /^(?:3D...|08P01)$/,
    text: /database/i,
    what: "there is no such database",
    cure: "check its name in [database] url, or make it (CREATE DATABASE)",
  },
  {
    code: /./,
    text: /startup parameter|configuration parameter|invalid value for parameter/,
    what: "a parameter of [database] url is refused",
    cure: "take it out: what libpq does not know is given to the server as a setting, and a pooler lets few of them through",
  },
  {
    code: /^(?:53300|08P01)$/,
    text: /too many|no more connections/i,
    what: "the database takes no more connections",
    cure: "lower [database] max_connections of all who connect, or raise the server's",
  },
  {
    code: /^(?:ENOTFOUND|EAI_AGAIN)$/,
    what: "the name of the database's server is not found",
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
    cure: "check host and port in [database] url; a firewall may be between, a pooler may wait for its server, or the server hangs",
  },
  {
    code: /^57P03$/,
    what: "the database is starting or stopping",
    cure: "wait; where it stays so, its log says why",
  },
  {
    code: /^42501$/,
    what: "the database refuses the role what it needs",
    cure: "GRANT CONNECT ON DATABASE to the role of [database] url",
  },
  {
    code: /^(?:CONNECTION_CLOSED|ECONNRESET|EPIPE)$/,
    what: "the connection to the database is closed before it is ready",
    cure: "check host and port in [database] url: what listens there is no PostgreSQL, a proxy without a server, or one that wants TLS (sslmode=verify-full)",
  },
  {
    code: /^CONNECT_REFUSED$/,
    what: "there is no connection as [database] url wants it",
    cure: "check the URL, the files that it names and the servers",
  },
];

const SILENT = { what: "the database does not answer", cure: "check [database] url, and that it is running" };

/** Why a database could not be opened, in words for an operator. */
export function cannotOpen(thrown: unknown): DatabaseUnusable {
  const error = asError(thrown);
  if (error instanceof UnusableUrl) return new DatabaseUnusable(error.message);
  const code = String((error as { code?: unknown }).code ?? "");
  const { what, cure } =
    WORDS.find((each) => each.code.test(code) && (each.text === undefined || each.text.test(error.message))) ?? SILENT;
  return new DatabaseUnusable(`${what} (${error.message || code}); ${cure}`);
}
