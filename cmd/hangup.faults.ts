import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { canStartRedis, makeRedisServer, type RedisServer } from "../internal/cache/redis/server.testing.ts";
import { plainClient } from "../internal/cache/redis/store.testing.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../internal/storage/connection/database.testing.ts";
import { type RunningProgram, startProgram } from "../test/program.ts";

const RELOADS = 100;

const isLeftOut = serverTestEngine === null || !canStartRedis();
if (isLeftOut) console.log("left out: SIGHUP to the daemons, because it needs PostgreSQL and a redis-server to run");

// biome-ignore lint/suspicious/noExplicitAny: log lines have many shapes
type Line = any;

describe.skipIf(isLeftOut)("SIGHUP", () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let directory: string;
  let file: string;
  let program: RunningProgram | undefined;

  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
    redis = await makeRedisServer();
    await redis.start();
    directory = mkdtempSync(join(tmpdir(), "stellarindex-hangup-"));
    file = join(directory, "stellarindex.toml");
  });
  afterEach(async () => {
    if (program?.process.exitCode === null) await program.stop("SIGKILL");
  });
  afterAll(async () => {
    await database?.drop();
    await redis?.remove();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  /** Writes a file with one tick per second and the given settings. */
  function write({ pairs = ["XLM/USD"], aggregate = "", api = "", redisUrl = redis.url } = {}): void {
    writeFileSync(
      file,
      `[database]
      url = "${database.url}"
      [redis]
      url = "${redisUrl}"
      [api]
      listen = "127.0.0.1:0"
      ops_listen = "127.0.0.1:0"
      ${api}
      [aggregate]
      pairs = ${JSON.stringify(pairs)}
      windows = ["5s"]
      vwap_window_seconds = 5
      twap_window_seconds = 5
      interval_seconds = 1
      bucket_seconds = 1
      settle_seconds = 1
      ops_listen = "127.0.0.1:0"
      ${aggregate}`,
    );
  }

  async function start(name: "aggregator" | "api"): Promise<{ program: RunningProgram; started: Line }> {
    program = startProgram([name, "--config", file]);
    const started = JSON.parse(await program.line((line) => line.includes(`${name} started`)));
    return { program, started };
  }

  /** Sends the signal and returns the log line that answers it. */
  async function hangUp({ process, lines, line }: RunningProgram): Promise<Line> {
    const seen = lines.length;
    process.kill("SIGHUP");
    const isAnswer = (text: string): boolean => /"msg":"configuration (not )?reloaded/.test(text);
    return JSON.parse(await line((text) => lines.indexOf(text, seen) >= 0 && isAnswer(text)));
  }

  async function metric(ops: string, series: string): Promise<number> {
    const text = await (await fetch(`${ops}/metrics`)).text();
    const found = text.split("\n").find((each) => each.startsWith(`${series} `));
    return Number(found?.slice(series.length));
  }

  it("makes the aggregator use the new file at its next tick, and names the keys that need a restart", async () => {
    write();
    const { program, started } = await start("aggregator");
    await program.line((line) => /"msg":"tick".*"targets":1|"targets":1.*"msg":"tick"/.test(line));
    write({
      pairs: ["XLM/USD", "BTC/USD", "ETH/USD"],
      aggregate: "min_usd_volume = 50_000",
      api: "price_freshness_seconds = 7",
      redisUrl: `${redis.url}/3`,
    });
    const answer = await hangUp(program);
    expect(answer).toMatchObject({
      level: "warn",
      msg: "configuration reloaded",
      file,
      applied: ["aggregate.pairs", "aggregate.min_usd_volume"],
      needs_restart: ["redis.url"],
      not_used_here: ["api.price_freshness_seconds"],
    });
    const tick = JSON.parse(await program.line((line) => /"targets":3.*"msg":"tick"/.test(line)));
    expect(tick).toMatchObject({ error: 0 });
    // Keys that need a restart are named at each reload until it happens.
    expect(await hangUp(program)).toMatchObject({ applied: [], needs_restart: ["redis.url"] });
    expect(await metric(started.ops, 'stellarindex_config_reloads_total{outcome="ok"}')).toBe(2);
    expect(await program.stop()).toBe(0);
  });

  it("keeps the settings in effect if the file is invalid, and lists all problems", async () => {
    write();
    const { program, started } = await start("aggregator");
    write({ pairs: ["XLM/USD", "BTC/USD"], aggregate: "max_hops = 9\nconcurrency = 0" });
    const answer = await hangUp(program);
    expect(answer).toMatchObject({ level: "error", file });
    expect(answer.problems).toHaveLength(2);
    expect(answer.problems.join()).toMatch(/aggregate\.max_hops.*aggregate\.concurrency/);
    write({ redisUrl: "memory:" });
    expect((await hangUp(program)).problems).toEqual([expect.stringContaining("redis.url")]);
    rmSync(file);
    expect((await hangUp(program)).problems).toEqual([expect.stringContaining("does not exist")]);
    const seen = program.lines.length;
    const tick = await program.line((line) => program.lines.indexOf(line, seen) >= 0 && line.includes('"msg":"tick"'));
    expect(JSON.parse(tick)).toMatchObject({ targets: 1 });
    expect(await metric(started.ops, 'stellarindex_config_reloads_total{outcome="error"}')).toBe(3);
    expect(await program.stop()).toBe(0);
  });

  it("refuses a file with missing keys or less strict values, except for the one of the start", async () => {
    const key = `[[api.keys]]\nname = "a"\nhash = "sha256:${"0".repeat(64)}"`;
    const excluded = '[[sources]]\nname = "kraken"\ninclude_in_vwap = false\n';
    const limits = "require_key = true\nrate_limit_per_minute = 60";
    const strict = { api: limits, aggregate: `min_usd_volume = 1_000_000\n${key}\n${excluded}` };
    write(strict);
    const whole = readFileSync(file, "utf8");
    const { program, started } = await start("api");
    const status = async () => (await fetch(`${started.api}/v1/sources`)).status;
    const problems = async (text: string): Promise<string[]> => {
      writeFileSync(file, text);
      const answer = await hangUp(program);
      expect(answer).toMatchObject({ level: "error", problems: expect.any(Array) });
      return answer.problems;
    };
    expect(await status()).toBe(401);
    expect(await problems(whole.replace("1_000_000", "999_999"))).toEqual([
      `${file}: aggregate.min_usd_volume: 999999 is less strict than the value in effect, 1000000; expected a value that is at least as strict; a restart accepts the file as it is`,
    ]);
    const gone = "was in the file when it was last read, and is missing now";
    expect(await problems(whole.replace(limits, ""))).toEqual([
      expect.stringContaining(`: api.require_key: ${gone}`),
      expect.stringContaining(`: api.rate_limit_per_minute: ${gone}`),
    ]);
    expect(await problems(whole.replace("include_in_vwap = false", ""))).toEqual([
      expect.stringContaining(`: sources.kraken.include_in_vwap: ${gone}`),
    ]);
    expect(await problems(whole.replace(key, ""))).toEqual([expect.stringContaining("api.require_key: is true while")]);
    expect(await problems("")).toEqual([expect.stringContaining(`${file}: is empty`)]);
    const cuts = [...whole.matchAll(/\n/g)].map(({ index }) => index).filter((_, line) => line % 4 === 1);
    for (const cut of cuts) await problems(whole.slice(0, cut));
    expect(await status()).toBe(401);
    // A stricter file is accepted; what it added cannot be removed, except by the file of the start.
    const stricter = whole.replace("per_minute = 60", "per_minute = 5").replace(key, `min_sources = 2\n${key}`);
    writeFileSync(file, stricter);
    expect(await hangUp(program)).toMatchObject({ applied: ["api.rate_limit_per_minute", "aggregate.min_sources"] });
    expect(await problems(stricter.replace("min_sources = 2", ""))).toHaveLength(1);
    writeFileSync(file, whole);
    expect(await hangUp(program)).toMatchObject({ applied: ["api.rate_limit_per_minute", "aggregate.min_sources"] });
    rmSync(file);
    execFileSync("mkfifo", [file]);
    expect((await hangUp(program)).problems).toEqual([expect.stringContaining("is not a regular file")]);
    rmSync(file);
    mkdirSync(file);
    expect((await hangUp(program)).problems).toEqual([expect.stringContaining("is not a regular file")]);
    rmdirSync(file);
    writeFileSync(file, whole);
    truncateSync(file, 2 ** 34);
    expect((await hangUp(program)).problems).toEqual([expect.stringContaining("has 17179869184 bytes")]);
    expect(await problems(`\uFEFF${whole.replaceAll("\n", "\r\n").replace("1_000_000", "5")}`)).toEqual([
      expect.stringContaining("5 is less strict than the value in effect, 1000000"),
    ]);
    expect(await status()).toBe(401);
    expect(await program.stop()).toBe(0);
  });

  it("reports that there is nothing to reload without a file", async () => {
    program = startProgram(["aggregator"], {
      STELLARINDEX_DATABASE_URL: database.url,
      STELLARINDEX_REDIS_URL: redis.url,
      STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
    });
    await program.line((line) => line.includes("aggregator started"));
    expect((await hangUp(program)).problems).toEqual([expect.stringContaining("there is no file to reload")]);
    expect(await program.stop()).toBe(0);
  });

  it("makes the API use the new file for the next request, without losing one in progress or subscribing twice", async () => {
    write();
    const { program, started } = await start("api");
    await program.line((line) => line.includes("subscribed to the store"));
    const refused = `${started.api}/v1/vwap?pair=BTC/USD&window=5s`;
    const clients = await redisClients(redis.url);
    const before = (await (await fetch(`${started.api}/v1/sources`)).json()) as Line;
    expect(before.data.find(({ name }: Line) => name === "sdex")).toMatchObject({ weight: 100 });
    const requests: Promise<Response>[] = [];
    for (let round = 0; round < RELOADS; round++) {
      write({ aggregate: `min_usd_volume = ${20_000 + round}` });
      requests.push(fetch(refused));
      expect(await hangUp(program)).toMatchObject({ applied: ["aggregate.min_usd_volume"] });
    }
    for (const { status } of await Promise.all(requests)) expect(status).toBe(404);
    expect(await redisClients(redis.url)).toEqual(clients);
    // Each subscriber logs when its subscription is lost and restored.
    await dropSubscriptions(redis.url);
    const followed = () => program.lines.filter((line) => /"msg":"(not )?subscribed to the store/.test(line));
    await expect.poll(followed).toHaveLength(3);
    writeFileSync(file, `${readFileSync(file, "utf8")}\n[[sources]]\nname = "sdex"\nweight = 50`);
    expect(await hangUp(program)).toMatchObject({ applied: ["sources"] });
    const after = (await (await fetch(`${started.api}/v1/sources`)).json()) as Line;
    expect(after.data.find(({ name }: Line) => name === "sdex")).toMatchObject({ weight: 50 });
    expect(await program.stop()).toBe(0);
  });

  it("makes the API accept the keys of the new file", async () => {
    write();
    const { program, started } = await start("api");
    const ask = async (times: number) => {
      const found: number[] = [];
      for (let asked = 0; asked < times; asked++) found.push((await fetch(`${started.api}/v1/sources`)).status);
      return found;
    };
    expect(await ask(3)).toEqual([200, 200, 200]);
    write({ api: "rate_limit_per_minute = 2" });
    expect(await hangUp(program)).toMatchObject({ applied: ["api.rate_limit_per_minute"], needs_restart: [] });
    expect(await ask(3)).toEqual([200, 200, 429]);
    await program.line((line) => line.includes("rate limits are shared through Redis"));
    write({ api: 'rate_limit_per_minute = 200\nrequest_timeout_seconds = 9\ncors_origins = ["*"]' });
    expect(await hangUp(program)).toMatchObject({
      applied: ["api.rate_limit_per_minute", "api.cors_origins"],
      needs_restart: ["api.request_timeout_seconds"],
    });
    expect(await ask(3)).toEqual([200, 200, 200]);
    expect(await program.stop()).toBe(0);
  });

  it(`leaks nothing in ${RELOADS} reloads of the aggregator`, async () => {
    write();
    const { program, started } = await start("aggregator");
    await program.line((line) => line.includes('"msg":"tick"'));
    const clients = await redisClients(redis.url);
    for (let round = 0; round < RELOADS; round++) {
      write({ aggregate: `min_usd_volume = ${20_000 + round}` });
      expect(await hangUp(program)).toMatchObject({ applied: ["aggregate.min_usd_volume"] });
    }
    expect(await redisClients(redis.url)).toEqual(clients);
    // Each tick is logged and counted exactly once.
    const ticks = () => program.lines.filter((line) => line.includes('"msg":"tick"'));
    const counted = await metric(started.ops, 'stellarindex_aggregator_ticks_total{outcome="ok"}');
    expect(new Set(ticks().map((line) => JSON.parse(line).to)).size).toBe(ticks().length);
    expect(ticks().length - counted).toBeLessThanOrEqual(1);
    expect(await program.stop()).toBe(0);
  });
});

/** Returns the number of connections, and how many of them subscribe to channels. */
async function redisClients(url: string): Promise<{ all: number; listening: number }> {
  const client = plainClient(url);
  await client.connect();
  const lines = String(await client.client("LIST"))
    .trim()
    .split("\n");
  client.disconnect();
  return { all: lines.length, listening: lines.filter((line) => !line.includes(" sub=0 ")).length };
}

async function dropSubscriptions(url: string): Promise<void> {
  const client = plainClient(url);
  await client.connect();
  await client.call("CLIENT", "KILL", "TYPE", "pubsub");
  client.disconnect();
}
