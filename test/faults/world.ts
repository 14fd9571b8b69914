import { type Target, targetsOf } from "../../internal/aggregator/target.ts";
import { vwapKey } from "../../internal/cache/keys.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "../../internal/cache/redis/server.testing.ts";
import { plainClient } from "../../internal/cache/redis/store.testing.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { publishedPairs } from "../../internal/config/published-pairs.ts";
import { type Environment, type RunningProgram, runProgram, startProgram } from "../program.ts";
import { type Client, startClient } from "./client.ts";
import { type Decoder, startDecoder } from "./decoder.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { type Judge, openJudge } from "./judge.ts";
import { type Observer, startObserver } from "./observer.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

/** The interval of ticks in the suite, in seconds. Recovery is measured in intervals. */
export const INTERVAL_SECONDS = 2;
export const SETTLE_SECONDS = 1;

/** The password in the daemons' database URL, which the server does not require: no answer and no log may show it. */
export const DATABASE_PASSWORD = "s3cr3t-of-the-database";

/** A deployment for faults: servers, proxies before them, daemons, and observers that bypass the proxies. */
export interface World {
  readonly postgres: PostgresServer;
  /** The standby, a second behind the server and named after it in every URL; null without one. */
  readonly standby: PostgresServer | null;
  readonly redis: RedisServer;
  /** The proxy between the daemons and PostgreSQL. */
  readonly databaseProxy: FaultProxy;
  /** The proxy between the daemons and the standby. */
  readonly standbyProxy: FaultProxy | null;
  /** The proxy between the daemons and Redis. */
  readonly redisProxy: FaultProxy;
  readonly environment: Environment;
  readonly targets: readonly Target[];
  readonly decoder: Decoder;
  readonly observer: Observer;
  readonly judge: Judge;
  /** The texts that a test itself has written to Redis. */
  readonly poison: Set<string>;
  readonly aggregators: RunningProgram[];
  /** Null in a deployment without an API. */
  readonly api: { readonly program: RunningProgram; readonly base: string; readonly client: Client } | null;
  /** Starts another aggregator and waits until it logs its start. */
  startAggregator(extra?: Environment): Promise<RunningProgram>;
  /** Runs a command on Redis without the proxy. */
  redisCommand(name: string, ...args: string[]): Promise<unknown>;
  end(): Promise<void>;
}

export interface WorldOptions {
  readonly environment?: Environment;
  /** The initial number of aggregators. */
  readonly aggregators?: number;
  readonly hasApi?: boolean;
  readonly hasStandby?: boolean;
}

/** Whether the programs that a deployment needs are installed; if not, prints which tests are left out. */
export function canMakeWorld(what: string): boolean {
  return canStartPostgres(what) && canStartRedis();
}

export async function makeWorld({
  environment = {},
  aggregators = 1,
  hasApi = true,
  hasStandby = false,
}: WorldOptions): Promise<World> {
  const [postgres, redis] = await Promise.all([makePostgresServer(), makeRedisServer()]);
  await Promise.all([postgres.start(), redis.start()]);
  const standby = hasStandby ? await makePostgresServer(postgres, STANDBY) : null;
  await standby?.start();
  const servers = [postgres, ...(standby === null ? [] : [standby])];
  const databaseProxy = await startFaultProxy(postgres.port);
  const standbyProxy = standby === null ? null : await startFaultProxy(standby.port);
  const redisProxy = await startFaultProxy(Number(new URL(redis.url).port));
  const settings: Environment = {
    ...SETTINGS,
    STELLARINDEX_DATABASE_URL: databaseUrl(
      `postgres:${DATABASE_PASSWORD}`,
      [databaseProxy, standbyProxy].filter((proxy) => proxy !== null),
    ),
    STELLARINDEX_REDIS_URL: throughProxy(redis.url, redisProxy),
    ...environment,
  };
  const migrated = await runProgram(["migrate", "up"], settings);
  if (migrated.status !== 0) throw new Error(migrated.err);

  const { config } = loadConfig({ env: settings });
  const targets = targetsOf(publishedPairs(config), config.aggregate.windows);
  const keys = targets.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds));
  const direct = databaseUrl("postgres", servers);
  // Without a timeout the decoder learns for each statement whether it was executed.
  const decoder = await startDecoder(direct, SETTLE_SECONDS, hasStandby ? { queryTimeoutSeconds: 2 } : {});
  const observer = startObserver(redis.url, config.redis.key_prefix, keys);
  const judge = await openJudge(direct, config, decoder.late);
  const running: RunningProgram[] = [];
  const started: RunningProgram[] = [];

  async function start(command: string, extra: Environment): Promise<{ program: RunningProgram; line: string }> {
    const program = startProgram([command], { ...settings, ...extra });
    started.push(program);
    return { program, line: await program.line((line) => line.includes(`${command} started`)) };
  }

  async function startAggregator(extra: Environment = {}): Promise<RunningProgram> {
    const { program } = await start("aggregator", extra);
    running.push(program);
    return program;
  }

  await Promise.all(Array.from({ length: aggregators }, () => startAggregator()));
  let api: World["api"] = null;
  if (hasApi) {
    const { program, line } = await start("api", {});
    const { api: base } = JSON.parse(line);
    api = { program, base, client: startClient(base, targets) };
  }

  return {
    postgres,
    standby,
    redis,
    databaseProxy,
    standbyProxy,
    redisProxy,
    environment: settings,
    targets,
    decoder,
    observer,
    judge,
    poison: new Set(),
    aggregators: running,
    api,
    startAggregator,
    async redisCommand(name, ...args) {
      const client = plainClient(redis.url);
      client.on("error", () => {});
      try {
        await client.connect();
        return await client.call(name, ...args);
      } finally {
        client.disconnect();
      }
    },
    async end() {
      await Promise.all([api?.client.close(), observer.close(), decoder.close(), judge.close()]);
      for (const program of started) {
        if (program.process.exitCode === null && program.process.signalCode === null) await program.stop("SIGKILL");
      }
      await Promise.all([databaseProxy.close(), standbyProxy?.close(), redisProxy.close()]);
      await Promise.all([postgres.remove(), standby?.remove(), redis.remove()]);
    },
  };
}

/** A standby that applies the primary's changes a second later. */
export const STANDBY = { settings: ["recovery_min_apply_delay=1s"] };

const SETTINGS: Environment = {
  NODE_OPTIONS: "--unhandled-rejections=strict --trace-warnings",
  STELLARINDEX_DATABASE_TIMESCALEDB: "off",
  STELLARINDEX_DATABASE_CONNECT_TIMEOUT_SECONDS: "2",
  STELLARINDEX_DATABASE_QUERY_TIMEOUT_SECONDS: "2",
  STELLARINDEX_DATABASE_BREAKER_FAILURES: "3",
  STELLARINDEX_DATABASE_BREAKER_COOLDOWN_SECONDS: "1",
  STELLARINDEX_REDIS_BREAKER_FAILURES: "3",
  STELLARINDEX_REDIS_BREAKER_COOLDOWN_SECONDS: "1",
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_QUERY_TIMEOUT_SECONDS: "2",
  STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD,BTC/USD,XLM/BTC",
  STELLARINDEX_AGGREGATE_WINDOWS: "10s,1m",
  STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: String(INTERVAL_SECONDS),
  STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "1",
  STELLARINDEX_AGGREGATE_SETTLE_SECONDS: String(SETTLE_SECONDS),
};

function throughProxy(url: string, proxy: FaultProxy): string {
  const address = new URL(url);
  address.port = String(proxy.port);
  return address.href;
}

/** Returns the URL of local servers, in their order. */
function databaseUrl(userinfo: string, servers: readonly { readonly port: number }[]): string {
  return `postgres://${userinfo}@${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}/postgres`;
}
