import { type Given, givenParameters, refusalAmong, serverSettings, unusable } from "./libpq-parameters.ts";
import { SESSION_ATTRS, type Wanted, wantedRoles } from "./roles.ts";
import type { Address } from "./socket.ts";
import { type TlsSettings, tlsSettings } from "./tls-settings.ts";

/** What a URL says of a PostgreSQL server, with what the environment adds. */
export interface DatabaseAddress {
  /** The servers, in the order in which they are tried. */
  readonly addresses: readonly Address[];
  /** Which of them are connected to; null for the first that answers. */
  readonly wanted: Wanted | null;
  readonly isRoleSaid: boolean;
  /** Null where neither says it: the driver then takes the name of this process' user. */
  readonly user: string | null;
  readonly password: string | null;
  readonly database: string | null;
  /** Null for connections that are not encrypted. */
  readonly tls: TlsSettings | null;
  readonly connectTimeoutSeconds: number | null;
  /** Settings of the server that each session begins with. */
  readonly settings: Readonly<Record<string, string>>;
}

const DEFAULT_PORT = "5432";
const RIGHT =
  "postgres://USER:PASSWORD@HOST/DATABASE, with what is special in a part, @ / : ? # % and blanks, as %40 %2F %3A %3F %23 %25 %20";
// As much as possible belongs to the user and the password, so that what is not escaped there is found.
const URL_PARTS = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(#.*)?$/s;
const HOST = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;

/**
 * Reads a URL as libpq does, with its parameters and its environment variables, and refuses what cannot be had.
 * @throws UnusableUrl
 */
export function parseDatabaseUrl(
  given: string,
  env: Readonly<Record<string, string | undefined>> = {},
): DatabaseAddress {
  // A secret that was read from a file may end with a line's end.
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
  if (refusal !== null) throw unusable(`asks for something that cannot be had by ${refusal.name}`, refusal.cure);
  const { wanted, isSaid } = rolesOf(parameters.get("target_session_attrs"));
  const addresses = addressesOf(parameters);
  return {
    addresses,
    wanted,
    isRoleSaid: isSaid,
    user: parameters.get("user")?.value ?? null,
    password: parameters.get("password")?.value ?? null,
    database: parameters.get("dbname")?.value ?? null,
    // As with libpq, a socket of this machine needs no encryption.
    tls: addresses.every((address) => "path" in address) ? null : tlsSettings(parameters),
    connectTimeoutSeconds: timeoutOf(parameters.get("connect_timeout")),
    settings: serverSettings(parameters),
  };
}

/** The hosts before the path and their ports, as the parameters that libpq has for them. */
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
    throw unusable(`names ${hosts.length} hosts and ${ports.length} ports`, "one port for each host, or one for all");
  }
  return hosts.map((each, index) => {
    const port = Number((ports.length === 1 ? ports[0] : ports[index]) || DEFAULT_PORT);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw unusable("names a port that is none", "numbers from 1 to 65535");
    }
    const host = each === "" ? "localhost" : each.replace(/^\[|\]$/g, "");
    return host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  });
}

function rolesOf(given: Given | undefined): ReturnType<typeof wantedRoles> {
  if (given === undefined) return wantedRoles("");
  if (!Object.hasOwn(SESSION_ATTRS, given.value)) {
    throw unusable("has no known value as target_session_attrs", `one of ${Object.keys(SESSION_ATTRS).join(", ")}`);
  }
  return wantedRoles(`?target_session_attrs=${given.value}`);
}

/** The driver reads it too, by other rules. */
function refuseRolesOf(env: Readonly<Record<string, string | undefined>>): void {
  if (env["PGTARGETSESSIONATTRS"]) {
    throw unusable(
      "is not all that says which server is meant",
      "target_session_attrs in it, and no variable PGTARGETSESSIONATTRS",
    );
  }
}

function timeoutOf(given: Given | undefined): number | null {
  if (given === undefined || given.value === "0") return null;
  if (!/^\d{1,6}$/.test(given.value))
    throw unusable(`has no whole number of seconds as ${given.name}`, "connect_timeout=10, for example");
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
  throw unusable("is no database URL", RIGHT);
}
