import type { RedisOptions } from "ioredis";
import { UnusableUrl } from "../../canonical/unusable-url.ts";

/** A parsed Redis URL. */
export interface RedisAddress {
  /** For messages: `host:port`, or the Sentinels' addresses and the name of the primary. */
  readonly shown: string;
  /** Masks the URL's passwords in a text, encoded or not. */
  redact(text: string): string;
  /** How to find the primary; null where the URL names the server itself. */
  readonly sentinels: SentinelOptions | null;
}

/** The query parameters allowed in a URL; ioredis would accept any of its options. */
const PARAMETERS = ["username", "password", "db", "family"];
const WHAT = "the Redis URL";
const USER_ALONE = [
  WHAT,
  "names a user without a password",
  "redis://:PASSWORD@HOST where it is the password, else redis://USER:PASSWORD@HOST",
] as const;

type SentinelOptions = Pick<
  RedisOptions,
  | "sentinels"
  | "name"
  | "username"
  | "password"
  | "db"
  | "sentinelPassword"
  | "tls"
  | "sentinelTLS"
  | "enableTLSForSentinelMode"
>;

const SENTINEL_URL = /^redis(s?)\+sentinel:\/\/([^/?#]*@)?([^@/?#]*)([^?#]*)(?:\?([^#]*))?$/;

/**
 * Parses a Redis URL.
 * @throws InputError where it is invalid; the message never contains the URL, which may contain a password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const sentinels = SENTINEL_URL.exec(url);
  return sentinels === null ? parseServerUrl(url) : parseSentinelUrl(sentinels);
}

function parseServerUrl(url: string): RedisAddress {
  if (!/^rediss?:/.test(url)) return refuse("has another scheme");
  const { hostname, port, pathname, username, password, searchParams, hash } = readUrl(url);
  decoded(username);
  if (hostname === "") return refuse("names no host");
  if (hash !== "" || pathname.includes("@") || url.replace(/^[^?]*/, "").includes("@")) {
    return refuse("has something special that is not written as %XX");
  }
  if ([...searchParams.keys()].some((name) => !PARAMETERS.includes(name))) {
    return refuse(`has a parameter other than ${PARAMETERS.join(", ")}`);
  }
  const hasPassword = password !== "" || (searchParams.get("password") ?? "") !== "";
  if (!hasPassword && (username !== "" || searchParams.has("username"))) throw new UnusableUrl(...USER_ALONE);
  if (!/^\/?\d*$/.test(pathname)) return refuse("names a database that is not a number");
  return {
    shown: `${hostname}:${port || "6379"}`,
    redact: redactor([password, decoded(password), searchParams.get("password") ?? ""]),
    sentinels: null,
  };
}

function parseSentinelUrl([, tls, userinfo = "", hosts = "", path = "", query = ""]: RegExpExecArray): RedisAddress {
  const sentinels = hosts.split(",").map((host) => {
    const { hostname, port } = readUrl(`redis://${host}`);
    if (hostname === "") return refuse("names no host");
    return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || "26379") };
  });
  const [, name = "", database = "0"] = /^\/([^/]+)(?:\/(\d*))?$/.exec(path) ?? [];
  if (name === "") return refuse("names no primary after its hosts, or a database that is not a number");
  const { username, password } = readUrl(`redis://${userinfo}host`);
  if (username !== "" && password === "") throw new UnusableUrl(...USER_ALONE);
  // Unlike in forms, a plus sign is not decoded as a space.
  const { sentinel_password: sentinelPassword = "", ...others } = Object.fromEntries(
    new URLSearchParams(query.replaceAll("+", "%2B")),
  );
  if (Object.keys(others).length > 0) return refuse("has a parameter other than sentinel_password");
  const primary = decoded(name);
  return {
    shown: `${primary} of the sentinels ${hosts}`,
    redact: redactor([password, decoded(password), sentinelPassword, encodeURIComponent(sentinelPassword)]),
    sentinels: {
      sentinels,
      name: primary,
      username: decoded(username),
      password: decoded(password),
      db: Number(database),
      sentinelPassword,
      ...(tls === "" ? {} : { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    },
  };
}

function redactor(secrets: readonly string[]): RedisAddress["redact"] {
  return (text) => secrets.reduce((rest, secret) => (secret === "" ? rest : rest.replaceAll(secret, "***")), text);
}

function readUrl(url: string): URL {
  return URL.canParse(url) ? new URL(url) : refuse("cannot be read");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse("cannot be read");
  }
}

function refuse(why: string): never {
  throw new UnusableUrl(
    WHAT,
    why,
    `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], rediss://… or redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],…/PRIMARY[/DATABASE][?sentinel_password=PASSWORD]`,
  );
}
