import { type Given, givenParameters, refusalAmong, serverSettings, unusable } from "./libpq-parameters.ts";
import { SESSION_ATTRS, type WantedRoles, wantedRoles } from "./roles.ts";
import type { Address } from "./socket.ts";
import { type TlsSettings, tlsSettings } from "./tls-settings.ts";

/** A parsed connection URL, completed from libpq's environment variables. */
export interface DatabaseAddress {
  /** Servers in the order in which they are tried. */
  readonly addresses: readonly Address[];
  /** Roles to connect to, best first; null for the first server that answers. */
  readonly wanted: WantedRoles | null;
  /** Whether the URL has target_session_attrs. */
  readonly isRoleExplicit: boolean;
  /** Null if not given: the driver then uses the name of the operating system's user. */
  readonly user: string | null;
  readonly password: string | null;
  readonly database: string | null;
  /** Null for unencrypted connections. */
  readonly tls: TlsSettings | null;
  readonly connectTimeoutSeconds: number | null;
  /** Server settings sent in the startup message of each session. */
  readonly settings: Readonly<Record<string, string>>;
}

const DEFAULT_PORT = "5432";
const EXPECTED =
  "postgres://USER:PASSWORD@HOST/DATABASE, with the special characters @ / : ? # % and blanks written as %40 %2F %3A %3F %23 %25 %20";
// The user part matches greedily, so that unescaped special characters in it are detected.
const URL_PARTS = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(#.*)?$/s;
const HOST = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;

/**
 * Parses a URL as libpq does, with its parameters and environment variables.
 * @throws UnusableUrl if it is malformed or asks for something unsupported
 */
export function parseDatabaseUrl(
  given: string,
  env: Readonly<Record<string, string | undefined>> = {},
): DatabaseAddress {
  // A secret that was read from a file may end with a newline.
  const [, userinfo = "", authority = "", path = "", query = "", fragment] =
    URL_PARTS.exec(given.trim()) ?? unreadable();
  if (fragment !== undefined || path.includes("@") || query.includes("@")) unreadable();
  const colon = userinfo.indexOf(":");
  const user = decoded(colon === -1 ? userinfo : userinfo.slice(0, colon));
  const password = colon === -1 ? "" : decoded(userinfo.slice(colon + 1));
  const inUrl = new Map([
    ...hostsOf(authority),
    ["user", user],
    ["password", password],
    ["dbname", decoded(path.slice(1))],
  ]);
  for (const [name, value] of parametersOf(query)) inUrl.set(name, value);

  refuseRolesOf(env);
  const parameters = givenParameters(inUrl, env);
  const refusal = refusalAmong(parameters);
  if (refusal !== null) throw unusable(`has an unsupported value of ${refusal.name}`, refusal.cure);
  const { wanted, isExplicit } = rolesOf(parameters.get("target_session_attrs"));
  const addresses = addressesOf(parameters);
  return {
    addresses,
    wanted,
    isRoleExplicit: isExplicit,
    user: parameters.get("user")?.value ?? null,
    password: parameters.get("password")?.value ?? null,
    database: parameters.get("dbname")?.value ?? null,
    // Like libpq, Unix sockets are never encrypted.
    tls: addresses.every((address) => "path" in address) ? null : tlsSettings(parameters),
    connectTimeoutSeconds: timeoutOf(parameters.get("connect_timeout")),
    settings: serverSettings(parameters),
  };
}

/** Returns the hosts and ports of the authority as libpq's parameters `host` and `port`. */
function hostsOf(authority: string): [string, string][] {
  const hosts = authority.split(",").map((each) => {
    const [, host = "", port = ""] = HOST.exec(each) ?? unreadable();
    return { host: decoded(host), port };
  });
  const ports = hosts.map(({ port }) => port);
  return [
    ["host", hosts.map(({ host }) => host).join(",")],
    ["port", ports.every((port) => port === "") ? "" : ports.join(",")],
  ];
}

function parametersOf(query: string): [string, string][] {
  return query
    .split("&")
    .filter((each) => each !== "")
    .map((each): [string, string] => {
      const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(each) ?? unreadable();
      return [decoded(name), decoded(value)];
    });
}

function addressesOf(parameters: ReadonlyMap<string, Given>): Address[] {
  const hosts = (parameters.get("host")?.value ?? "localhost").split(",");
  const ports = (parameters.get("port")?.value ?? DEFAULT_PORT).split(",");
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw unusable(`has ${hosts.length} hosts and ${ports.length} ports`, "one port for each host, or one for all");
  }
  return hosts.map((each, index) => {
    const port = Number((ports.length === 1 ? ports[0] : ports[index]) || DEFAULT_PORT);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw unusable("has an invalid port", "numbers from 1 to 65535");
    }
    const host = each === "" ? "localhost" : each.replace(/^\[|\]$/g, "");
    return host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  });
}

function rolesOf(given: Given | undefined): ReturnType<typeof wantedRoles> {
  if (given === undefined) return wantedRoles("");
  if (!Object.hasOwn(SESSION_ATTRS, given.value)) {
    throw unusable("has an unknown target_session_attrs", `one of ${Object.keys(SESSION_ATTRS).join(", ")}`);
  }
  return wantedRoles(`?target_session_attrs=${given.value}`);
}

/** The driver reads PGTARGETSESSIONATTRS as well, by other rules. */
function refuseRolesOf(env: Readonly<Record<string, string | undefined>>): void {
  if (env["PGTARGETSESSIONATTRS"]) {
    throw unusable(
      "competes with the variable PGTARGETSESSIONATTRS",
      "target_session_attrs in the URL, and the variable unset",
    );
  }
}

function timeoutOf(given: Given | undefined): number | null {
  if (given === undefined || given.value === "0") return null;
  if (!/^\d{1,6}$/.test(given.value))
    throw unusable(`has a ${given.name} that is not a whole number of seconds`, "connect_timeout=10, for example");
  return Number(given.value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return unreadable();
  }
}

function unreadable(): never {
  throw unusable("is not a database URL", EXPECTED);
}
