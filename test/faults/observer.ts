import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { ANNOUNCEMENTS, parseAnnouncement } from "../../internal/cache/keys.ts";
import { plainClient } from "../../internal/cache/redis/store.testing.ts";

/** A value that was readable, and the time of its first read in ms of Unix time. */
export interface Observed {
  readonly key: string;
  readonly text: string;
  readonly at: number;
}

/** Reads the given keys repeatedly and on every announcement, through all faults of Redis. */
export interface Observer {
  /** All values that were ever readable, without duplicates. */
  readonly observed: readonly Observed[];
  /** The number of announcements of each boundary, by `key to`. */
  readonly announced: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const SAMPLE_MS = 40;

export function startObserver(url: string, keyPrefix: string, keys: readonly string[]): Observer {
  const seen = new Set<string>();
  const observed: Observed[] = [];
  const announced = new Map<string, number>();
  let isClosed = false;

  function note(key: string, text: string | null | undefined): void {
    const identity = `${key} ${text}`;
    if (text === null || text === undefined || seen.has(identity)) return;
    seen.add(identity);
    observed.push({ key, text, at: Date.now() });
  }

  async function watch(reader: Redis, listener: Redis): Promise<void> {
    listener.on("message", (_channel, payload) => {
      const announcement = parseAnnouncement(payload);
      if (announcement === null) return;
      const { key, to } = announcement;
      announced.set(`${key} ${to}`, (announced.get(`${key} ${to}`) ?? 0) + 1);
      reader.get(keyPrefix + key).then((text) => note(key, text), ignore);
    });
    await Promise.all([reader.connect(), listener.connect()]);
    await listener.subscribe(keyPrefix + ANNOUNCEMENTS);
    while (!isClosed && listener.status === "ready") {
      const texts = await reader.mget(keys.map((key) => keyPrefix + key));
      for (const [index, key] of keys.entries()) note(key, texts[index]);
      await pause(SAMPLE_MS);
    }
  }

  async function watchAlways(): Promise<void> {
    while (!isClosed) {
      const clients = [plainClient(url), plainClient(url)] as const;
      for (const client of clients) client.on("error", ignore);
      await watch(...clients).catch(ignore);
      for (const client of clients) client.disconnect();
      await pause(SAMPLE_MS);
    }
  }

  const watching = watchAlways();
  return {
    observed,
    announced,
    async close() {
      isClosed = true;
      await watching;
    },
  };
}

function ignore(): void {}
