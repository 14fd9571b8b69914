import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../internal/cache/redis/server.testing.ts";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import { inTransaction, READ_COMMITTED } from "../../internal/storage/connection/transaction.ts";
import { declareDestinations } from "../../internal/storage/events/destinations.ts";
import { EVENTS_TENANT } from "../../internal/storage/events/event.ts";
import { newDestination } from "../../internal/storage/events/events.testing.ts";
import { type RunningProgram, runProgram, startProgram } from "../program.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

/** How many events each step is to acknowledge. */
const STEP = 100;
const SENDERS = 4;

describe.skipIf(!canStartPostgres("the faults of events"))(
  "events, which their senders post until they are acknowledged",
  () => {
    const key = makeKey();
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-events-"));
    const config = join(directory, "stellarindex.toml");
    const stopping = new AbortController();
    const acknowledged: string[] = [];
    let journalled = 0;
    let [port, opsPort] = [0, 0];
    let database: PostgresServer;
    let gateway: RunningProgram;
    let sending: Promise<unknown>;

    const startGateway = async (): Promise<void> => {
      gateway = startProgram(["gateway", "--config", config]);
      await gateway.line((line) => line.includes("gateway started"));
    };
    const killGateway = () => gateway.stop("SIGKILL");
    const some = async (): Promise<void> => {
      const wanted = acknowledged.length + STEP;
      await expect.poll(() => acknowledged.length, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(wanted);
    };

    async function post(id: string): Promise<number> {
      const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
        method: "POST",
        headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
        body: JSON.stringify({ id, line: id.split("-")[0] }),
      });
      await response.text();
      return response.status;
    }

    /** Posts one event after the other, each again until it is acknowledged. */
    async function send(sender: number): Promise<void> {
      for (let next = 0; !stopping.signal.aborted; ) {
        const id = `${sender}-${next}`;
        // A connection that was cut says nothing about the event.
        const status = await post(id).catch(() => 0);
        if (status !== 200 && status !== 202) {
          await sleep(20);
          continue;
        }
        if (status === 202) journalled += 1;
        acknowledged.push(id);
        next += 1;
      }
    }

    beforeAll(async () => {
      [port, opsPort] = [await freePort(), await freePort()];
      database = await makePostgresServer();
      await database.start();
      writeFileSync(
        config,
        `[database]
url = "${database.url}"
query_timeout_seconds = 5
[gateway]
listen = "127.0.0.1:${port}"
ops_listen = "127.0.0.1:${opsPort}"
journal = "${join(directory, "journal")}"
[[gateway.keys]]
name = "sender"
hash = "${hashKey(key)}"
scopes = ["events:write"]
`,
      );
      expect(await runProgram(["migrate", "up", "--config", config])).toMatchObject({ status: 0 });
      const sql = postgres(database.url, { max: 1 });
      const destination = newDestination({ orderKey: "/line" });
      await inTransaction(sql, READ_COMMITTED, (transaction) =>
        declareDestinations(transaction, EVENTS_TENANT, [destination]),
      );
      await sql.end();
      await startGateway();
      sending = Promise.all(Array.from({ length: SENDERS }, (_, sender) => send(sender)));
    });
    afterAll(async () => {
      stopping.abort();
      await sending;
      await gateway?.stop("SIGKILL");
      await database?.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    it("are acknowledged while gateway and database are killed, stopped and frozen", async () => {
      await some();
      await killGateway();
      await startGateway();
      await some();
      await database.kill();
      await some();
      expect(journalled).toBeGreaterThan(0);
      // What the journal has left is recorded before what comes next.
      await killGateway();
      await database.start();
      await startGateway();
      await some();
      database.freeze();
      const before = journalled;
      await some();
      expect(journalled).toBeGreaterThan(before);
      database.thaw();
      await some();
    });

    it("are then recorded once each, in the order of their sender, with their delivery", async () => {
      stopping.abort();
      await sending;
      const depth = async () => {
        const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
        return /^stellarindex_gateway_journal_records (\d+)$/m.exec(metrics)?.[1];
      };
      await expect.poll(depth, { timeout: 60_000, interval: 200 }).toBe("0");
      const sql = postgres(database.url, { max: 1 });
      const rows = await sql<{ id: string; deliveries: number }[]>`
      SELECT id, count(job_id)::integer AS deliveries FROM events.events LEFT JOIN events.deliveries USING (tenant, sequence)
      GROUP BY tenant, sequence ORDER BY sequence`;
      const jobs = await sql<{ id: string }[]>`
      SELECT id FROM events.deliveries JOIN events.events USING (tenant, sequence) ORDER BY job_id`;
      const conflicts = await sql`SELECT FROM events.conflicts`;
      await sql.end();
      for (const ids of [rows.map(({ id }) => id), jobs.map(({ id }) => id)]) {
        expect(new Set(ids).size).toBe(ids.length);
        expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
        for (let sender = 0; sender < SENDERS; sender++) {
          const order = ids.filter((id) => id.startsWith(`${sender}-`)).map((id) => Number(id.split("-")[1]));
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
      }
      expect(rows.every(({ deliveries }) => deliveries === 1)).toBe(true);
      expect(conflicts).toHaveLength(0);
    });
  },
);
