import { type Micros, seconds } from "../../canonical/time.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { provenanceKey } from "../keys.ts";
import { makeListeners } from "../listeners.ts";
import type { PriceStore, PriceWrite, WriteOutcome } from "../store.ts";
import { refuseTtl, refuseWrite, supersedes } from "../supersede.ts";

interface Entry {
  readonly value: string;
  readonly expires: Micros;
}

/** Opens a store in memory, for a single process; it behaves like the one in Redis. */
export function openMemoryStore(now: () => Micros = () => BigInt(Date.now()) * 1000n): PriceStore {
  const entries = new Map<string, Entry>();
  const listeners = makeListeners();
  let closed = false;

  function refuseIfClosed(): void {
    if (closed) throw new Error("the store is closed");
  }

  function held(key: string, at: Micros): string | null {
    const entry = entries.get(key);
    return entry !== undefined && entry.expires > at ? entry.value : null;
  }

  function keep(key: string, value: string, ttlSeconds: number, at: Micros): void {
    entries.set(key, { value, expires: at + seconds(ttlSeconds) });
  }

  function write(each: PriceWrite, at: Micros): WriteOutcome {
    const refusal = refuseWrite(each);
    if (refusal !== null) return refusal;
    const before = held(each.key, at);
    if (before !== null && supersedes(before, each.to, at)) return "superseded";
    const { key, value, provenance, ttlSeconds } = each;
    keep(key, value, ttlSeconds, at);
    if (provenance === undefined) entries.delete(provenanceKey(key));
    else keep(provenanceKey(key), provenance, ttlSeconds, at);
    if (each.isCompanion) listeners.announcePut(each.key);
    else listeners.announce({ key: each.key, to: each.to });
    return "written";
  }

  return {
    async read(keys) {
      refuseIfClosed();
      const at = now();
      return keys.map((key) => held(key, at));
    },
    async readWithTtl(keys) {
      refuseIfClosed();
      const at = now();
      return keys.map((key) => {
        const entry = entries.get(key);
        if (entry === undefined || entry.expires <= at) return null;
        return { text: entry.value, remainingMs: Number(entry.expires - at) / 1000 };
      });
    },
    async publish(writes) {
      if (closed) return writes.map(() => new Error("the store is closed"));
      const at = now();
      for (const [key, entry] of entries) if (entry.expires <= at) entries.delete(key);
      return writes.map((each) => write(each, at));
    },
    async put(key, value, ttlSeconds) {
      refuseIfClosed();
      const refusal = refuseTtl(key, ttlSeconds);
      if (refusal !== null) throw refusal;
      keep(key, value, ttlSeconds, now());
      listeners.announcePut(key);
    },
    async subscribe(onWrite, others) {
      refuseIfClosed();
      const remove = listeners.add(onWrite, others);
      listeners.up();
      return async () => remove();
    },
    async ping() {
      refuseIfClosed();
    },
    breaker: NO_CIRCUIT_BREAKER,
    async close() {
      closed = true;
      listeners.clear();
      entries.clear();
    },
  };
}
