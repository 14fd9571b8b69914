import type { Hono } from "hono";
import { expect } from "vitest";
import { vwapKey } from "../../cache/keys.ts";
import { openMemoryStore } from "../../cache/memory/store.ts";
import type { PriceStore } from "../../cache/store.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { type Pair, parsePair } from "../../canonical/pair.ts";
import { type PublishedValue, serializePublished } from "../../canonical/published.ts";
import { type Micros, parseTime } from "../../canonical/time.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import type { EventChannel } from "../../obs/channel.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../../policy/policy.ts";
import { computePublished } from "../../policy/published-value.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../../storage/connection/database.testing.ts";
import type { Database } from "../../storage/connection/database.ts";
import { connect } from "../../storage/connection/pool.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import type { ApiSettings } from "../context.ts";
import { createApi } from "./api.ts";

/** The engine that the API's tests run on: the fastest one available. */
export function openApiDatabase(): Promise<TestDatabase> {
  const engine = testEngines.find(({ server }) => server !== null) ?? testEngines[0];
  if (engine === undefined) throw new Error("there is no engine to test on");
  return openTestDatabase(engine);
}

export const TEST_SETTINGS: ApiSettings = {
  pairs: [parsePair("XLM/USD"), parsePair("BTC/USD")],
  windows: [300, 3600, 86_400],
  intervalSeconds: 30,
  bucketSeconds: 15,
  settleSeconds: 5,
  vwapWindowSeconds: 300,
  twapWindowSeconds: 300,
  maxTrades: 10_000,
  priceFreshnessSeconds: 30,
  requestTimeoutSeconds: 10,
  maxInFlight: 256,
  maxComputations: 10,
  keys: "none",
};

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers have many shapes
  readonly body: any;
}

export interface TestApi {
  readonly app: Hono;
  readonly store: PriceStore;
  readonly policy: Policy;
  /** Sets the clock. */
  readonly at: (time: string | Micros) => void;
  readonly get: (path: string, init?: RequestInit) => Promise<Got>;
  /** Computes a target's value, stores it as the aggregator would, and returns the stored text. */
  readonly publish: (pair: Pair, windowSeconds: number, to: string) => Promise<string>;
  /** Stores any text under a target's key, as the value of the bucket that ends at `to`. */
  readonly put: (pair: Pair, windowSeconds: number, text: string, to: string) => Promise<void>;
}

export interface TestApiOptions {
  readonly database: Database;
  readonly store?: PriceStore;
  readonly policy?: Partial<PolicySettings>;
  readonly settings?: Partial<ApiSettings>;
}

/** Creates an API with its own clock and, by default, no volume floor. */
export function openTestApi({ database, store: given, policy: rules, settings }: TestApiOptions): TestApi {
  let now: Micros = 0n;
  const store = given ?? openMemoryStore(() => now);
  const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0, ...rules });
  const app = createApi({
    database,
    store,
    policy,
    settings: { ...TEST_SETTINGS, ...settings },
    now: () => now,
    stopwatch: () => Number(now) / 1e6,
  });

  async function put(pair: Pair, windowSeconds: number, text: string, to: string): Promise<void> {
    const write = { key: vwapKey(pair, windowSeconds), value: text, to, ttlSeconds: windowSeconds };
    expect(await store.publish([write])).toEqual(["written"]);
  }

  return {
    app,
    store,
    policy,
    at: (time) => {
      now = typeof time === "string" ? parseTime(time) : time;
    },
    get: async (path, init) => {
      const response = await app.request(path, init);
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("Content-Type") ?? "");
      const body = isJson && text !== "" ? JSON.parse(text) : undefined;
      return { status: response.status, headers: response.headers, text, body };
    },
    publish: async (pair, windowSeconds, to) => {
      const { value } = await withSnapshot(database, (reader) =>
        computePublished(reader, policy, pair, bucketEndingAt(parseTime(to), windowSeconds), { maxTrades: 10_000 }),
      );
      const text = serializePublished(value as PublishedValue);
      await put(pair, windowSeconds, text, to);
      return text;
    },
    put,
  };
}

/** Collects the events of a channel until `stop`. */
export function listenTo<T>(channel: EventChannel<T>): { readonly events: T[]; readonly stop: () => void } {
  const events: T[] = [];
  return { events, stop: channel.subscribe((event) => events.push(event)) };
}

/** A database that does not answer. */
export function unreachableDatabase(): Database {
  const sql = connect("postgres://nobody@127.0.0.1:1/nothing", { max: 2 });
  return { sql, engine: "postgres", breaker: NO_CIRCUIT_BREAKER, close: () => sql.end({ timeout: 0 }) };
}
