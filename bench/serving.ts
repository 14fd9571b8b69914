import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "simple-statistics";
import { vwapKey } from "../internal/cache/keys.ts";
import { openStore } from "../internal/cache/open-store.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import { latestClosed } from "../internal/canonical/bucket.ts";
import { formatPair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { formatTime, seconds } from "../internal/canonical/time.ts";
import { systemClock } from "../internal/lib/clock.ts";
import type { Bench } from "./bench.ts";
import { type Load, type LoadOrder, SERVED_PAIR, SERVED_SETTINGS, type ServerOrder } from "./serving-orders.ts";

const { STELLARINDEX_TEST_REDIS_URL: REDIS_URL = "redis://127.0.0.1:6379" } = process.env;
const WINDOW_SECONDS = 300;
const VWAP = "/v1/vwap?pair=XLM/USD&window=5m";
const PRICE = "/v1/price?pair=XLM/USD";

export const serving: Bench = {
  summary: "requests per second, p50, p99 and processor time, against a bare Hono route that returns as many bytes",
  run: async ({ short }) => {
    const keyPrefix = `stellarindex-bench:${process.pid}:`;
    const store = openStore({ url: REDIS_URL, key_prefix: keyPrefix });
    const children: ChildProcess[] = [];
    try {
      await store.ping();
    } catch (error) {
      console.log(`left out: ${(error as Error).message}; STELLARINDEX_TEST_REDIS_URL names another`);
      return store.close();
    }
    try {
      await measure(store, keyPrefix, children, short);
    } finally {
      for (const child of children) child.disconnect();
      await store.close();
    }
  },
};

/** A name, the server, and the requests. */
type Contestant = readonly [name: string, server: Server, path: string, isConditional?: boolean];

interface Server {
  readonly process: ChildProcess;
  readonly port: number;
}

/** The result of a load, with the server's processor time per request, which other load hardly affects. */
interface Result extends Load {
  readonly cpuMicros: number;
}

async function measure(store: PriceStore, keyPrefix: string, children: ChildProcess[], short: boolean): Promise<void> {
  const serve = async (order: ServerOrder): Promise<Server> => {
    const child = fork(fileURLToPath(new URL("serving-server.js", import.meta.url)), [JSON.stringify(order)]);
    children.push(child);
    return { process: child, port: await messageOf(child) };
  };
  const cpuOf = ({ process: child }: Server): Promise<number> => {
    child.send("cpu");
    return messageOf(child);
  };
  const generator = fork(fileURLToPath(new URL("serving-load.js", import.meta.url)));
  children.push(generator);
  const load = async ([, server, path, isConditional = false]: Contestant): Promise<Result> => {
    // Each turn starts with a fresh value, as published by the aggregator.
    await publish(store);
    const timing = { seconds: short ? 0.2 : 3, connections: 16, mostRequests: 500_000 };
    const before = await cpuOf(server);
    generator.send({ port: server.port, path, isConditional, ...timing } satisfies LoadOrder);
    const result = await messageOf<Load>(generator);
    return { ...result, cpuMicros: ((await cpuOf(server)) - before) / result.requests };
  };

  await publish(store);
  const api = await serve({ kind: "api", redisUrl: REDIS_URL, keyPrefix });
  const { length } = await load(["", api, VWAP]);
  const { length: priceLength } = await load(["", api, PRICE]);
  const node = await load(["", await serve({ kind: "node", length }), "/"]);
  console.log(`the load generator reaches ${node.requestsPerSecond.toFixed(0)} requests/s against plain node:http`);

  const bare = await serve({ kind: "bare", length });
  const barePrice = await serve({ kind: "bare", length: priceLength });
  await compareLoads(load, [`bare route, ${length} bytes`, bare, "/"], short, [
    ["/v1/vwap, 200", api, VWAP],
    ["/v1/vwap, 304", api, VWAP, true],
  ]);
  await compareLoads(load, [`bare route, ${priceLength} bytes`, barePrice, "/"], short, [
    ["/v1/price, 200", api, PRICE],
  ]);
}

/** Loads the servers in turns, and prints the medians and the median ratios within turns. */
async function compareLoads(
  load: (contestant: Contestant) => Promise<Result>,
  first: Contestant,
  short: boolean,
  others: readonly Contestant[],
): Promise<void> {
  const all = [first, ...others];
  const turns: Result[][] = [];
  for (const contestant of all) await load(contestant);
  for (let turn = 0; turn < (short ? 1 : 7); turn++) {
    const loads: Result[] = [];
    for (const contestant of all) loads.push(await load(contestant));
    turns.push(loads);
  }
  for (const [index, [name]] of all.entries()) {
    const middle = (figure: (load: Result, base: Result) => number) =>
      median(turns.flatMap((loads) => (loads[index] && loads[0] ? [figure(loads[index], loads[0])] : [])));
    const rate = middle(({ requestsPerSecond }) => requestsPerSecond).toFixed(0);
    const times = `p50 ${middle(({ p50Ms }) => p50Ms).toFixed(2)} ms, p99 ${middle(({ p99Ms }) => p99Ms).toFixed(2)} ms, ${middle(({ cpuMicros }) => cpuMicros).toFixed(1)} µs of processor time`;
    const ratios =
      index === 0
        ? ""
        : `: ${(100 * middle((one, base) => one.requestsPerSecond / base.requestsPerSecond)).toFixed(0)} % of the rate, p50 ${middle((one, base) => one.p50Ms / base.p50Ms).toFixed(2)} and p99 ${middle((one, base) => one.p99Ms / base.p99Ms).toFixed(2)} times, ${middle((one, base) => one.cpuMicros / base.cpuMicros).toFixed(2)} times the processor time`;
    console.log(`  ${name}: ${rate} requests/s, ${times}${ratios}`);
  }
}

async function publish(store: PriceStore): Promise<void> {
  const { bucketSeconds, settleSeconds } = SERVED_SETTINGS;
  const to = latestClosed(systemClock.now(), bucketSeconds, settleSeconds);
  const source = { trade_count: 1021, base_volume: "48210.1184913", quote_volume: "18321.99121345", share: "0.333333" };
  const value = serializePublished({
    pair: formatPair(SERVED_PAIR),
    window_seconds: WINDOW_SECONDS,
    from: formatTime(to - seconds(WINDOW_SECONDS)),
    to: formatTime(to),
    price: "0.380044392818461903",
    base_volume: "144630.3554739",
    quote_volume: "54965.97364035",
    usd_volume: "54965.97364035",
    trade_count: 3063,
    sources: ["bitstamp", "coinbase", "kraken"].map((name) => ({ source: name, ...source })),
    dropped: { class: 28, outlier: 1 },
    policy: "50cc362b5b34",
  });
  const write = { key: vwapKey(SERVED_PAIR, WINDOW_SECONDS), value, to: formatTime(to), ttlSeconds: WINDOW_SECONDS };
  const [outcome] = await store.publish([write]);
  if (outcome !== "written") throw new Error(`the value could not be published: ${String(outcome)}`);
}

function messageOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onEnd = (): void => reject(new Error("a process of the benchmark ended"));
    child.once("exit", onEnd);
    child.once("message", (message) => {
      child.off("exit", onEnd);
      resolve(message as T);
    });
  });
}
