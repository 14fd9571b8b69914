import { UnusableUrl } from "../canonical/unusable-url.ts";

/** What a parameter of libpq is to this program. */
interface Known {
  /** libpq's environment variable for it, which counts where the URL says nothing. */
  readonly variable?: string;
  /** Whether it is followed, whatever it says. */
  readonly isHonoured?: boolean;
  /** Values that ask for nothing but what is done anyway. */
  readonly idle?: readonly string[];
  /** What is expected in place of something that cannot be had. */
  readonly cure?: string;
}

const honoured = (variable?: string): Known => ({ isHonoured: true, ...(variable === undefined ? {} : { variable }) });
const refused = (cure: string, variable?: string, idle: readonly string[] = []): Known => ({
  cure,
  idle,
  ...(variable === undefined ? {} : { variable }),
});

const NO_KERBEROS = "none: Kerberos and GSSAPI cannot be used, and encryption is asked for with sslmode";
const KEEP_ALIVE = "none: connections are kept alive and watched without it";
const NO_LISTS = "none: certificates are not looked up in lists of revoked ones";
const NO_FILES = "what the file says in the URL itself, and the password there or in PGPASSWORD";

/**
 * The parameters that a URL of libpq may have, and those of other programs that are often found in URLs.
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
    "sslmode=verify-full in its place, which proves the server by its certificate",
    "PGCHANNELBINDING",
    ["prefer", "disable"],
  ),
  gssencmode: refused(NO_KERBEROS, "PGGSSENCMODE", ["prefer", "disable"]),
  gssdelegation: refused(NO_KERBEROS, "PGGSSDELEGATION", ["0"]),
  gsslib: refused(NO_KERBEROS, "PGGSSLIB"),
  krbsrvname: refused(NO_KERBEROS, "PGKRBSRVNAME"),
  require_auth: refused("none: sslmode=verify-full proves the server by its certificate", "PGREQUIREAUTH"),
  requirepeer: refused("none: let only the server's user write to the directory of the socket", "PGREQUIREPEER"),
  requiressl: refused("sslmode=require", "PGREQUIRESSL", ["0"]),
  sslcertmode: refused("none: sslcert and sslkey name a certificate", "PGSSLCERTMODE", ["allow"]),
  sslcompression: refused("none: TLS does not compress", "PGSSLCOMPRESSION", ["0"]),
  sslsni: refused("none: a server is told the name that it is asked for", "PGSSLSNI", ["1"]),
  sslcrl: refused(NO_LISTS, "PGSSLCRL"),
  sslcrldir: refused(NO_LISTS, "PGSSLCRLDIR"),
  hostaddr: refused("the address as the host, with sslmode=verify-ca if its certificate names another", "PGHOSTADDR"),
  load_balance_hosts: refused("none: servers are chosen by target_session_attrs", "PGLOADBALANCEHOSTS", ["disable"]),
  passfile: refused(NO_FILES),
  service: refused(NO_FILES, "PGSERVICE"),
  servicefile: refused(NO_FILES),
  fallback_application_name: refused("application_name"),
  client_encoding: refused("none: texts are UTF-8", "PGCLIENTENCODING", ["UTF8", "UTF-8", "utf8", "utf-8"]),
  replication: refused("none: nothing is replicated", undefined, ["0", "false", "off", "no"]),
  keepalives: refused(KEEP_ALIVE, undefined, ["1"]),
  keepalives_idle: refused(KEEP_ALIVE),
  keepalives_interval: refused(KEEP_ALIVE),
  keepalives_count: refused(KEEP_ALIVE),
  tcp_user_timeout: refused(KEEP_ALIVE),

  ssl: refused("sslmode=require or sslmode=verify-full", undefined, ["false", "0"]),
  pgbouncer: refused("none: a pooler is noticed by itself"),
  prepare: refused("none: a pooler is noticed by itself"),
};

/** An error about the URL, or a variable beside it. */
export function unusable(wrong: string, right: string): UnusableUrl {
  return new UnusableUrl("[database] url", wrong, right);
}

/** Where a value of a parameter comes from, so that an error can name it. */
export interface Given {
  readonly value: string;
  /** `channel_binding`, or the variable `PGCHANNELBINDING`. */
  readonly name: string;
}

/** A parameter asks for what cannot be had. Neither text holds a value that may be a secret. */
export interface Refusal {
  readonly name: string;
  readonly cure: string;
}

/** What the URL gives for each parameter, and the environment where that gives nothing; an empty value is as good as none. */
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

/** The first of the parameters that asks for what cannot be had, or null. */
export function refusalAmong(given: ReadonlyMap<string, Given>): Refusal | null {
  for (const [parameter, { value, name }] of given) {
    const { cure, idle = [] } = (Object.hasOwn(PARAMETERS, parameter) && PARAMETERS[parameter]) || {};
    if (cure !== undefined && !idle.includes(value)) return { name, cure };
  }
  return null;
}

/** Those that are none of libpq's: settings of the server for the session, such as `statement_timeout`. */
export function serverSettings(given: ReadonlyMap<string, Given>): Record<string, string> {
  const passed = ["application_name", "options"];
  return Object.fromEntries(
    [...given]
      .filter(([parameter]) => passed.includes(parameter) || !Object.hasOwn(PARAMETERS, parameter))
      .map(([parameter, { value }]) => [parameter, value]),
  );
}
