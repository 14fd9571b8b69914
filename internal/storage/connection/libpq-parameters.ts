import { UnusableUrl } from "../../canonical/unusable-url.ts";

/** How this program treats a libpq parameter. */
interface Known {
  /** libpq's environment variable for it: the default if the URL lacks the parameter. */
  readonly variable?: string;
  /** Whether every value is supported. */
  readonly isHonoured?: boolean;
  /** Values that ask for the behaviour that this program has anyway. */
  readonly idle?: readonly string[];
  /** What to write instead of an unsupported value. */
  readonly cure?: string;
}

const honoured = (variable?: string): Known => ({ isHonoured: true, ...(variable === undefined ? {} : { variable }) });
const refused = (cure: string, variable?: string, idle: readonly string[] = []): Known => ({
  cure,
  idle,
  ...(variable === undefined ? {} : { variable }),
});

const NO_KERBEROS = "none: Kerberos and GSSAPI are not supported; use sslmode for encryption";
const KEEP_ALIVE = "none: keepalive and timeouts are always on";
const NO_LISTS = "none: certificate revocation lists are not supported";
const NO_FILES = "the settings of the file in the URL itself, and the password there or in PGPASSWORD";

/**
 * The parameters of libpq, and those of other drivers that are common in URLs.
 * Source: PostgreSQL, "libpq", Parameter Key Words and Environment Variables.
 */
const PARAMETERS: Readonly<Record<string, Known>> = {
  host: honoured("PGHOST"),
  port: honoured("PGPORT"),
  dbname: honoured("PGDATABASE"),
  user: honoured("PGUSER"),
  password: honoured("PGPASSWORD"),
  connect_timeout: honoured("PGCONNECT_TIMEOUT"),
  application_name: honoured("PGAPPNAME"),
  options: honoured("PGOPTIONS"),
  sslmode: honoured("PGSSLMODE"),
  sslnegotiation: honoured("PGSSLNEGOTIATION"),
  sslrootcert: honoured("PGSSLROOTCERT"),
  sslcert: honoured("PGSSLCERT"),
  sslkey: honoured("PGSSLKEY"),
  sslpassword: honoured(),
  ssl_min_protocol_version: honoured("PGSSLMINPROTOCOLVERSION"),
  ssl_max_protocol_version: honoured("PGSSLMAXPROTOCOLVERSION"),
  target_session_attrs: honoured(),

  channel_binding: refused(
    "sslmode=verify-full instead, which authenticates the server by its certificate",
    "PGCHANNELBINDING",
    ["prefer", "disable"],
  ),
  gssencmode: refused(NO_KERBEROS, "PGGSSENCMODE", ["prefer", "disable"]),
  gssdelegation: refused(NO_KERBEROS, "PGGSSDELEGATION", ["0"]),
  gsslib: refused(NO_KERBEROS, "PGGSSLIB"),
  krbsrvname: refused(NO_KERBEROS, "PGKRBSRVNAME"),
  require_auth: refused("none: sslmode=verify-full authenticates the server by its certificate", "PGREQUIREAUTH"),
  requirepeer: refused("none: make the socket's directory writable by the server's user only", "PGREQUIREPEER"),
  requiressl: refused("sslmode=require", "PGREQUIRESSL", ["0"]),
  sslcertmode: refused("none: sslcert and sslkey name a certificate", "PGSSLCERTMODE", ["allow"]),
  sslcompression: refused("none: TLS compression is not supported", "PGSSLCOMPRESSION", ["0"]),
  sslsni: refused("none: the server name (SNI) is always sent", "PGSSLSNI", ["1"]),
  sslcrl: refused(NO_LISTS, "PGSSLCRL"),
  sslcrldir: refused(NO_LISTS, "PGSSLCRLDIR"),
  hostaddr: refused(
    "the address as the host, with sslmode=verify-ca if the certificate has another name",
    "PGHOSTADDR",
  ),
  load_balance_hosts: refused("none: servers are chosen by target_session_attrs", "PGLOADBALANCEHOSTS", ["disable"]),
  passfile: refused(NO_FILES),
  service: refused(NO_FILES, "PGSERVICE"),
  servicefile: refused(NO_FILES),
  fallback_application_name: refused("application_name"),
  client_encoding: refused("none: the encoding is always UTF-8", "PGCLIENTENCODING", [
    "UTF8",
    "UTF-8",
    "utf8",
    "utf-8",
  ]),
  replication: refused("none: replication connections are not supported", undefined, ["0", "false", "off", "no"]),
  keepalives: refused(KEEP_ALIVE, undefined, ["1"]),
  keepalives_idle: refused(KEEP_ALIVE),
  keepalives_interval: refused(KEEP_ALIVE),
  keepalives_count: refused(KEEP_ALIVE),
  tcp_user_timeout: refused(KEEP_ALIVE),

  ssl: refused("sslmode=require or sslmode=verify-full", undefined, ["false", "0"]),
  pgbouncer: refused("none: a pooler is detected automatically"),
  prepare: refused("none: a pooler is detected automatically"),
};

/** Makes an error about the URL or one of its environment variables. */
export function unusable(wrong: string, right: string): UnusableUrl {
  return new UnusableUrl("[database] url", wrong, right);
}

/** A parameter's value, with its origin for error messages. */
export interface Given {
  readonly value: string;
  /** `channel_binding`, or the variable `PGCHANNELBINDING`. */
  readonly name: string;
}

/** A parameter with an unsupported value. Neither text contains the value, which may be a secret. */
export interface Refusal {
  readonly name: string;
  readonly cure: string;
}

/** Returns each parameter's value from the URL, else from the environment; empty values count as absent. */
export function givenParameters(
  inUrl: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const [parameter, { variable }] of Object.entries(PARAMETERS)) {
    const value = variable === undefined ? undefined : env[variable];
    if (variable !== undefined && value !== undefined && value !== "") given.set(parameter, { value, name: variable });
  }
  for (const [parameter, value] of inUrl) if (value !== "") given.set(parameter, { value, name: parameter });
  return given;
}

/** Returns the first parameter with an unsupported value, or null. */
export function refusalAmong(given: ReadonlyMap<string, Given>): Refusal | null {
  for (const [parameter, { value, name }] of given) {
    const { cure, idle = [] } = (Object.hasOwn(PARAMETERS, parameter) && PARAMETERS[parameter]) || {};
    if (cure !== undefined && !idle.includes(value)) return { name, cure };
  }
  return null;
}

/** Returns the session settings for the server: parameters that libpq does not know, such as `statement_timeout`. */
export function serverSettings(given: ReadonlyMap<string, Given>): Record<string, string> {
  const passed = ["application_name", "options"];
  return Object.fromEntries(
    [...given]
      .filter(([parameter]) => passed.includes(parameter) || !Object.hasOwn(PARAMETERS, parameter))
      .map(([parameter, { value }]) => [parameter, value]),
  );
}
