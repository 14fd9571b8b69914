import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../internal/cache/redis/server.testing.ts";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import { type RunningProgram, runProgram, startProgram } from "../program.ts";
import { type Senders, startSenders } from "./gateway-senders.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";
import { smallDisk } from "./small-disk.ts";

/** How many trades are to be acknowledged during the faults. */
const ROWS = Number(process.env["STELLARINDEX_TEST_GATEWAY_ROWS"] ?? 20_000);
/** For how long the database is away, where it is. */
const AWAY_SECONDS = Number(process.env["STELLARINDEX_TEST_GATEWAY_AWAY"] ?? 3);
const STEPS = 10;

describe.skipIf(!canStartPostgres("the faults of the gateway"))("the gateway, of whose senders each repeats", () => {
  const key = makeKey();
  // It holds what is sent while the database is away: at most some 5 MB a second, and a few parts of all rows.
  const disk = smallDisk(4 + Math.ceil(ROWS / 10_000) + 5 * AWAY_SECONDS);
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-gateway-"));
  const journal = join(disk ?? directory, "journal");
  const config = join(directory, "stellarindex.toml");
  let database: PostgresServer;
  let gateway: RunningProgram;
  let senders: Senders;
  let [port, opsPort] = [0, 0];

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
journal = "${journal}"
journal_max_mb = 1000
[[gateway.keys]]
name = "sender"
hash = "${hashKey(key)}"
sources = ["kraken"]
`,
    );
    expect(await runProgram(["migrate", "up", "--config", config])).toMatchObject({ status: 0 });
    await startGateway();
    senders = startSenders(`http://127.0.0.1:${port}`, key);
  });
  afterAll(async () => {
    await senders?.stop();
    await gateway?.stop("SIGKILL");
    await database?.remove();
    rmSync(directory, { recursive: true, force: true });
    if (disk !== null) {
      execFileSync("umount", ["--lazy", disk]);
      rmSync(disk, { recursive: true });
    }
  });

  async function startGateway(): Promise<void> {
    gateway = startProgram(["gateway", "--config", config]);
    await gateway.line((line) => line.includes("gateway started"));
  }

  const killGateway = () => gateway.stop("SIGKILL");
  const some = () => senders.further(Math.ceil(ROWS / STEPS));
  const ops = async (path: string) => (await fetch(`http://127.0.0.1:${opsPort}${path}`)).text();
  const depth = async () => Number(/^stellarindex_gateway_journal_records (\d+)$/m.exec(await ops("/metrics"))?.[1]);

  it("acknowledges while the gateway is killed and comes back", async () => {
    await some();
    await killGateway();
    await startGateway();
    await some();
  });

  it("acknowledges into the journal while the database is killed, stopped or frozen", async () => {
    await database.kill();
    await some();
    expect(senders.journalled()).toBeGreaterThan(0);
    expect(JSON.parse(await ops("/readyz"))).toMatchObject({ status: "degraded" });
    await database.start();
    await some();
    await database.stop("fast");
    await sleep(AWAY_SECONDS * 1000);
    await database.start();
    database.freeze();
    const before = senders.journalled();
    await some();
    expect(senders.journalled()).toBeGreaterThan(before);
    database.thaw();
  });

  it("starts without a database, and goes on after both were killed", async () => {
    await Promise.all([database.kill(), killGateway()]);
    await startGateway();
    await some();
    await killGateway();
    await database.start();
    await startGateway();
    await some();
  });

  it("drops what was torn at the end of the journal, and no acknowledged record", async () => {
    await database.kill();
    await some();
    await killGateway();
    const last =
      readdirSync(journal)
        .filter((name) => name.endsWith(".segment"))
        .sort()
        .at(-1) ?? "";
    appendFileSync(join(journal, last), "SIJ1\x40\0\0\0the start of a frame");
    await startGateway();
    await some();
    await database.start();
  });

  it.skipIf(disk === null)("answers 503 while its disk is full and the database away, and then goes on", async () => {
    await senders.pausedFor(() => expect.poll(depth, { timeout: 120_000, interval: 200 }).toBe(0));
    await database.kill();
    const refused = senders.refused();
    const ballast = join(disk ?? "", "ballast");
    // All that is free.
    execFileSync("sh", ["-c", `cat /dev/zero > ${ballast} 2>/dev/null || true`]);
    await expect.poll(() => senders.refused(), { timeout: 60_000 }).toBeGreaterThan(refused);
    // Filling the disk takes so much of the machine that the first appends may be late instead.
    await expect
      .poll(() => ops("/metrics"), { timeout: 60_000, interval: 500 })
      .toMatch(/^stellarindex_gateway_refused_writes_total\{reason="disk-full"\} [1-9]/m);
    await expect
      .poll(() => ops("/readyz"), { timeout: 60_000, interval: 500 })
      .toContain("the disk of the journal is full (ENOSPC)");
    unlinkSync(ballast);
    await some();
    await database.start();
    await some();
  });

  it("has lost none of the acknowledged trades", async () => {
    await senders.stop();
    await expect.poll(depth, { timeout: 120_000, interval: 200 }).toBe(0);
    const sql = postgres(database.url, { max: 1 });
    const stored = new Set((await sql<{ trade_id: string }[]>`SELECT trade_id FROM trades`).map((row) => row.trade_id));
    const [quarantine] = await sql<{ count: number }[]>`SELECT count(*)::int FROM ingest.quarantine`;
    await sql.end();
    const lost = [...senders.acknowledged].filter((id) => !stored.has(id));
    console.log(
      `gateway: ${senders.acknowledged.size} acknowledged, ${senders.journalled()} of them journalled, ` +
        `${senders.refused()} requests refused, ${lost.length} lost`,
    );
    expect(lost).toEqual([]);
    expect(senders.acknowledged.size).toBeGreaterThanOrEqual(ROWS);
    expect(quarantine).toEqual({ count: 0 });
    expect(await runProgram(["rollups", "verify", "--config", config])).toMatchObject({
      status: 0,
      out: expect.stringContaining(`${stored.size} trades counted, 0 rollups differ`),
    });
    expect(await gateway.stop("SIGTERM")).toBe(0);
  });
});
