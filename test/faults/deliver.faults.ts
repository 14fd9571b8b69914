import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  canStartRedis,
  freePort,
  makeRedisServer,
  type RedisServer,
} from "../../internal/cache/redis/server.testing.ts";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import { type Answer, startReceiver, type TestReceiver, takes } from "../deliver/receivers.ts";
import { type RunningProgram, runProgram, startProgram } from "../program.ts";
import { count } from "./figures.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

/** How many events are to be acknowledged during the faults. */
const EVENTS = Number(process.env["STELLARINDEX_TEST_DELIVER_EVENTS"] ?? 4_000);
/** For how long the database is away, where it is. */
const AWAY_SECONDS = Number(process.env["STELLARINDEX_TEST_DELIVER_AWAY"] ?? 3);
const STEPS = 5;
const SENDERS = 8;
const KEYS = 400;

/** Receivers that behave badly, each in its way, get one event in so many. */
const FEW = 80;
/** Answers every other request well. */
const everyOther = (bad: Answer, good: Answer = takes): Answer => {
  let requests = 0;
  return (response, request) => (requests++ % 2 === 0 ? bad(response, request) : good(response, request));
};
const mutates: Answer = (response) => {
  response.writeHead(200, { "Content-Type": "application/json" }).end('{"data":{"a":1}}');
  return true;
};
const BAD: Readonly<Record<string, Answer>> = {
  hangs: everyOther(() => false),
  lies: everyOther((response) => {
    response.writeHead(200).end(JSON.stringify({ data: null, errors: [{ message: "no" }] }));
    return false;
  }, mutates),
  redirects: everyOther((response) => {
    response.writeHead(302, { Location: "http://127.0.0.1:1/" }).end();
    return false;
  }),
  slows: everyOther((response) => {
    response.writeHead(429, { "Retry-After": "1" }).end();
    return false;
  }),
  cuts: everyOther((response) => {
    response.destroy();
    return false;
  }),
};

describe.skipIf(!canStartPostgres("the faults of deliveries") || !canStartRedis())(
  "deliveries of events that were posted once",
  () => {
    const key = makeKey();
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-deliver-"));
    const config = join(directory, "stellarindex.toml");
    const receivers = new Map<string, TestReceiver>();
    const programs = new Map<string, RunningProgram>();
    const acknowledged = new Set<string>();
    const stopping = new AbortController();
    let database: PostgresServer;
    let redis: RedisServer;
    let port = 0;
    let sending: Promise<unknown> = Promise.resolve();

    beforeAll(async () => {
      port = await freePort();
      database = await makePostgresServer();
      await database.start();
      redis = await makeRedisServer();
      await redis.start();
      for (const name of ["ordered", "plain"]) receivers.set(name, await startReceiver(takes));
      for (const [name, answer] of Object.entries(BAD)) receivers.set(name, await startReceiver(answer));
      writeFileSync(config, configOf());
      expect(await runProgram(["migrate", "up", "--config", config])).toMatchObject({ status: 0 });
      await start("deliver", "deliver started");
      await start("gateway", "gateway started");
      sending = Promise.all(Array.from({ length: SENDERS }, (_, sender) => send(sender)));
    });
    afterAll(async () => {
      stopping.abort();
      await sending;
      for (const program of programs.values()) await program.stop("SIGKILL");
      for (const receiver of receivers.values()) await receiver.close();
      await database?.remove();
      await redis?.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    function configOf(): string {
      // One of two attempts fails: so many in a row do not.
      const retry = JSON.stringify(Array(40).fill("1s"));
      const common = `allow = ["127.0.0.0/8"]\ntimeout = "1s"\nretry = ${retry}`;
      const entry = (name: string, more: string) =>
        `[[deliveries]]\nname = "${name}"\nurl = "${receivers.get(name)?.url}"\n${common}\n${more}\n`;
      const webhook = 'type = "webhook"\nsecrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]';
      return `[database]
url = "${database.url}"
query_timeout_seconds = 5
[redis]
url = "${redis.url}"
[deliver]
ops_listen = "127.0.0.1:0"
[gateway]
listen = "127.0.0.1:${port}"
ops_listen = "127.0.0.1:0"
journal = "${join(directory, "journal")}"
[[gateway.keys]]
name = "sender"
hash = "${hashKey(key)}"
scopes = ["events:write"]
sources = ["none"]
${entry("ordered", `${webhook}\nordering = "per_key"\norder_key = "/key"`)}
${entry("plain", webhook)}
${Object.keys(BAD)
  .map((name) =>
    entry(
      name,
      `${name === "lies" ? 'type = "graphql"\nquery = "mutation { a }"' : webhook}\nwhere = { "/few" = true }`,
    ),
  )
  .join("")}`;
    }

    async function start(command: "deliver" | "gateway", line: string): Promise<void> {
      const program = startProgram([command, "--config", config]);
      programs.set(command, program);
      await program.line((text) => text.includes(line));
    }

    const kill = (command: "deliver" | "gateway") => programs.get(command)?.stop("SIGKILL");
    const further = async (part: number): Promise<void> => {
      const wanted = acknowledged.size + part;
      await expect.poll(() => acknowledged.size, { timeout: 600_000, interval: 50 }).toBeGreaterThanOrEqual(wanted);
    };
    const some = () => further(Math.ceil(EVENTS / STEPS));

    /** Posts events one after the other; one that was not acknowledged is repeated, as its key's order asks for. */
    async function send(sender: number): Promise<void> {
      for (let number = 0; !stopping.signal.aborted; number++) {
        const id = `${sender}-${number}`;
        const body = JSON.stringify({
          id,
          key: `${sender}-${number % (KEYS / SENDERS)}`,
          number,
          few: number % FEW === 0,
        });
        const post = async (): Promise<boolean> => {
          const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
          const response = await fetch(`http://127.0.0.1:${port}/v1/events`, { method: "POST", headers, body });
          await response.text();
          return response.status === 200 || response.status === 202;
        };
        while (!(await post().catch(() => false))) {
          if (stopping.signal.aborted) return;
          await sleep(50);
        }
        acknowledged.add(id);
      }
    }

    it("go on while the daemon that delivers is killed, and told to stop", async () => {
      await some();
      await kill("deliver");
      await further(50);
      await start("deliver", "deliver started");
      await some();
      expect(await programs.get("deliver")?.stop("SIGTERM")).toBe(0);
      await start("deliver", "deliver started");
    });

    it("go on while the database is killed, and stopped for a time", async () => {
      await database.kill();
      await some();
      await database.start();
      await further(50);
      await database.stop("fast");
      await sleep(AWAY_SECONDS * 1000);
      await database.start();
      await some();
    });

    it("go on after all were killed", async () => {
      await Promise.all([kill("gateway"), kill("deliver"), database.kill()]);
      await database.start();
      await start("gateway", "gateway started");
      await start("deliver", "deliver started");
      await some();
    });

    it("reach every destination, in the order of their keys where that is asked for", async () => {
      stopping.abort();
      await sending;
      const sql = postgres(database.url, { max: 1 });
      const pending = async () => {
        const [row] = await sql<{ pending: number; events: number }[]>`
        SELECT count(*) FILTER (WHERE state NOT IN ('succeeded', 'dead'))::integer AS pending,
          (SELECT count(*)::integer FROM events.events) AS events
        FROM control.jobs`;
        return row?.events !== undefined && row.events >= acknowledged.size ? row.pending : Number.NaN;
      };
      await expect.poll(pending, { timeout: 1_800_000, interval: 500 }).toBe(0);
      const states = await sql`
      SELECT destination, state, count(*)::integer AS count FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
      GROUP BY destination, state ORDER BY destination`;
      await sql.end();
      count("events", acknowledged.size);
      console.log(`deliveries: ${acknowledged.size} events acknowledged; ${JSON.stringify(states)}`);
      expect(states.filter(({ state }) => state !== "succeeded")).toEqual([]);
      const idsAt = (name: string) => (receivers.get(name)?.got ?? []).map(({ body }) => dataOf(body));
      for (const name of ["ordered", "plain"]) {
        const reached = new Set(idsAt(name).map(({ id }) => id));
        expect([...acknowledged].filter((id) => !reached.has(id))).toEqual([]);
      }
      const few = [...acknowledged].filter((id) => Number(id.split("-")[1]) % FEW === 0);
      for (const name of Object.keys(BAD)) {
        if (name === "lies") continue;
        const reached = new Set(idsAt(name).map(({ id }) => id));
        expect([name, few.filter((id) => !reached.has(id))]).toEqual([name, []]);
      }
      const last = new Map<string, number>();
      const outOfOrder = idsAt("ordered").filter(({ key: of, number }) => {
        const before = last.get(of) ?? -1;
        // One that comes again is at least once.
        if (number > before + KEYS / SENDERS && before !== -1) return true;
        last.set(of, Math.max(before, number));
        return false;
      });
      expect(outOfOrder).toEqual([]);
    });
  },
);

interface Data {
  readonly id: string;
  readonly key: string;
  readonly number: number;
}

/** The data of an event in the payload of a webhook. */
function dataOf(body: Readonly<Record<string, unknown>>): Data {
  return body["data"] as Data;
}
