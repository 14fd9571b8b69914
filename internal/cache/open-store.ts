import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import type { CircuitOptions } from "../lib/circuit-breaker.ts";
import { openMemoryStore } from "./memory/store.ts";
import { openRedisStore } from "./redis/store.ts";
import type { PriceStore } from "./store.ts";

/**
 * Opens the store of a URL: `memory:` (a new store in this process) or `redis://…`, `rediss://…`, `redis+sentinel://…`
 * or `rediss+sentinel://…`. Returns at once; while Redis is unavailable, calls fail.
 * @param now the clock of the store in memory, microseconds since the epoch
 * @param circuit the options of the circuit breaker; none by default
 * @throws InputError where the URL has another scheme; the message never contains the URL
 */
export function openStore(
  { url, key_prefix }: { readonly url: string; readonly key_prefix: string },
  { now, circuit }: { readonly now?: () => Micros; readonly circuit?: CircuitOptions } = {},
): PriceStore {
  if (url === "memory:") return openMemoryStore(now);
  if (/^rediss?(\+sentinel)?:\/\//.test(url)) return openRedisStore(url, key_prefix, circuit);
  throw new InputError(
    "the Redis URL has an unknown scheme; use memory:, redis://HOST:PORT, rediss://HOST:PORT or redis+sentinel://HOST:PORT,…/PRIMARY",
  );
}
