import { InputError } from "../canonical/input-error.ts";

/** What may be shown of a Redis URL, and what may not. */
export interface RedisAddress {
  /** `host:port`. */
  readonly shown: string;
  /** Takes the URL's password out of a text, however it is written there. */
  redact(text: string): string;
}

/**
 * Reads what messages need of a Redis URL.
 * @throws InputError where it is no Redis URL; the message never shows it, as it may hold a password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const refuse = (why: string): never => {
    throw new InputError(`the Redis URL ${why}; write redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or rediss://…`);
  };
  let parsed: URL;
  let secrets: string[];
  try {
    parsed = new URL(url);
    secrets = [parsed.password, decodeURIComponent(parsed.password), parsed.searchParams.get("password") ?? ""];
    decodeURIComponent(parsed.username);
  } catch {
    return refuse("cannot be read");
  }
  if (parsed.protocol !== "redis:" && parsed.protocol !== "rediss:") return refuse("has another scheme");
  if (parsed.hostname === "") return refuse("names no host");
  if (!/^\/?\d*$/.test(parsed.pathname)) return refuse("names a database that is not a number");
  return {
    shown: `${parsed.hostname}:${parsed.port || "6379"}`,
    redact: (text) => secrets.reduce((rest, secret) => (secret === "" ? rest : rest.replaceAll(secret, "***")), text),
  };
}
