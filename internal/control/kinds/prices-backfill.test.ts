import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backfillArgs, backfillEnvironment } from "../../../cmd/backfill.testing.ts";
import { runHere } from "../../../test/program.ts";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { makePair } from "../../canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import { loadConfig } from "../../config/load.ts";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../../storage/connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { listArtifacts } from "../../storage/control/artifacts.ts";
import { type LeasedJob, makeClaim } from "../../storage/control/claim.ts";
import { readRun } from "../../storage/control/read-runs.ts";
import { reportJobs } from "../../storage/control/report.ts";
import { createRun } from "../../storage/control/runs.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { artifactPath } from "../artifacts/files.ts";
import { windowsOf } from "../runs/windows.ts";
import { builtInKind } from "./kinds.ts";

const FROM = parseTime("2026-01-01T10:00:00Z");
const TO = parseTime("2026-01-01T11:10:00Z");
const KINDS = ["prices.backfill", "prices.backfill.merge"];
const TENANT = "default";

const [engine] = enginesOf(testEngines);

describe(`prices.backfill on ${engine?.name}`, () => {
  let database: TestDatabase;
  let directory: string;
  beforeAll(async () => {
    database = await openTestDatabase(engine as TestEngine);
    directory = mkdtempSync(join(tmpdir(), "stellarindex-artifacts-"));
    const pairs = [makePair("crypto:XLM", "fiat:USD"), makePair("crypto:BTC", "fiat:USD")];
    await writeTrades(
      database,
      Array.from({ length: 300 }, (_, index) => ({
        ...(pairs[index % 2] as (typeof pairs)[number]),
        // Uneven, so that some buckets have no trade.
        ts: FROM + seconds((index * index * 7) % 4200),
        source: index % 3 === 0 ? "kraken" : "coinbase",
        tradeId: `t${index}`,
        baseAmount: parseDecimal(`${1 + (index % 17)}`),
        quoteAmount: parseDecimal(`${(1 + (index % 17)) * (100 + (index % 11))}.${index}`),
      })),
    );
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await database?.drop();
  });

  /** Makes a run over the whole range, in chunks that the bucket ends do not meet. */
  const createBackfill = (payload: Record<string, unknown>, chunkSeconds = 1000) =>
    inTransaction(database.sql, READ_COMMITTED, (sql) =>
      createRun(sql, TENANT, {
        kind: "prices.backfill",
        mergeKind: "prices.backfill.merge",
        feed: null,
        source: "",
        host: "",
        payload,
        from: FROM,
        to: TO,
        chunkSeconds,
        windows: windowsOf({ from: FROM, to: TO }, chunkSeconds),
        actor: "test",
        reason: "a test",
      }),
    );

  /** Does jobs until there is none to claim; returns the errors of those that failed. */
  async function work(artifacts: string, prepare = async (_job: LeasedJob) => {}): Promise<string[]> {
    const { config } = loadConfig({
      env: { ...backfillEnvironment(database.url), STELLARINDEX_CONTROL_ARTIFACTS: artifacts },
    });
    const claim = makeClaim(() => 0);
    const errors: string[] = [];
    const request = { tenant: TENANT, kinds: KINDS, worker: "w", maxJobs: 1, leaseSeconds: 60 };
    for (let job = await one(); job !== undefined; job = await one()) {
      const now = () => BigInt(Date.now()) * 1000n;
      const context = { database, config, tenant: TENANT, job, now, invertedOf: async () => new Set<number>() };
      const { signal } = new AbortController();
      const held = { ...job, retrySeconds: 0, reason: null, throttle: null };
      try {
        await prepare(job);
        const result = await builtInKind(job.kind).prepare(job.payload)(context, signal);
        await reportJobs(database.sql, TENANT, [{ ...held, outcome: "succeeded", message: JSON.stringify(result) }]);
      } catch (error) {
        errors.push((error as Error).message);
        await reportJobs(database.sql, TENANT, [{ ...held, outcome: "failed", message: null }]);
      }
    }
    return errors;
    async function one() {
      return (await claim(database.sql, request))[0];
    }
  }

  const filesOf = async (jobId: bigint | null) =>
    (await listArtifacts(database.sql, TENANT, { jobId, isMismatch: false, before: null, limit: 100 })).map(
      ({ uri, ...artifact }) => ({ ...artifact, path: artifactPath(directory, uri) }),
    );

  async function backfilled(name: string, options: Record<string, string>): Promise<Buffer> {
    const out = join(directory, name);
    const args = backfillArgs(directory, { from: formatTime(FROM), to: formatTime(TO), out, ...options });
    expect(await runHere(args, backfillEnvironment(database.url))).toMatchObject({ status: 0 });
    return readFileSync(out);
  }

  it.each([
    ["jsonl", ["XLM/USD", "BTC/USD"], ["1m", "5m"], "1m"],
    ["csv", ["XLM/USD"], ["15m", "2m"], "45s"],
  ])("in chunks gives, byte for byte, the %s file of one backfill", async (format, pairs, windows, every) => {
    const { mergeJob, jobs } = await createBackfill({ format, pairs, windows, every });
    expect(jobs).toHaveLength(5);
    expect(await work(directory)).toEqual([]);
    const [merged] = await filesOf(mergeJob);
    expect(merged?.name).toBe(`prices.${format}`);
    const options = { pairs: pairs.join(","), windows: windows.join(","), every };
    const expected = await backfilled(`whole.${format}`, options);
    expect(expected.toString().split("\n").length).toBeGreaterThan(50);
    expect(readFileSync(merged?.path ?? "").equals(expected)).toBe(true);
    expect(merged?.bytes).toBe(expected.length);
  });

  it("has one header, also where windows have no bucket end or no value", async () => {
    const payload = { format: "csv", pairs: ["ETH/USD"], windows: ["1m"], every: "30m" };
    const { mergeJob } = await createBackfill(payload, 300);
    expect(await work(directory)).toEqual([]);
    const [merged] = await filesOf(mergeJob);
    const expected = await backfilled("empty.csv", { pairs: "ETH/USD", windows: "1m", every: "30m" });
    expect(expected.toString().trim().split("\n")).toHaveLength(1);
    expect(readFileSync(merged?.path ?? "").equals(expected)).toBe(true);
  });

  it("retries a failed chunk alone, and merges then", async () => {
    const { runId, jobs, mergeJob } = await createBackfill({ pairs: ["XLM/USD"], windows: ["3m"] });
    const failing = jobs[2] as bigint;
    const errors = await work(directory, async ({ jobId }) => {
      if (jobId === failing) throw new Error("a failure");
    });
    expect(errors).toEqual(["a failure"]);
    expect(await readRun(database.sql, TENANT, runId)).toMatchObject({
      state: "failed",
      counts: { succeeded: 4, failed: 1, blocked: 1 },
    });
    await database.sql`
      UPDATE control.jobs SET state = 'ready', ended_at = NULL, ready_order = nextval('control.ready_order')
      WHERE job_id = ${String(failing)}::bigint`;
    const done: bigint[] = [];
    expect(await work(directory, async ({ jobId }) => void done.push(jobId))).toEqual([]);
    expect(done).toEqual([failing, mergeJob]);
    const [merged] = await filesOf(mergeJob);
    const expected = await backfilled("retried.jsonl", { pairs: "XLM/USD", windows: "3m" });
    expect(readFileSync(merged?.path ?? "").equals(expected)).toBe(true);
  });

  it("refuses to merge a part that was changed or is gone, and names the job to retry", async () => {
    for (const spoil of [(path: string) => writeFileSync(path, "{}\n"), unlinkSync]) {
      const { jobs, mergeJob } = await createBackfill({ pairs: ["BTC/USD"], windows: ["4m"] });
      const errors = await work(directory, async ({ jobId }) => {
        if (jobId === mergeJob) spoil((await filesOf(jobs[1] as bigint))[0]?.path ?? "");
      });
      expect(errors).toEqual([expect.stringContaining(`retry job ${jobs[1]}: `)]);
    }
  });

  it("keeps what the same inputs gave, and says where it was something else", async () => {
    const payload = { pairs: ["XLM/USD"], windows: ["7m"] };
    const first = await createBackfill(payload);
    expect(await work(directory)).toEqual([]);
    const again = await createBackfill(payload);
    expect(await work(directory)).toEqual([]);
    const [[one], [two]] = [await filesOf(first.mergeJob), await filesOf(again.mergeJob)];
    expect(two).toMatchObject({ sha256: one?.sha256, inputsKey: one?.inputsKey, expectedSha256: null });
    await writeTrades(database, [
      {
        ...makePair("crypto:XLM", "fiat:USD"),
        ts: FROM + seconds(2345),
        source: "kraken",
        tradeId: "late",
        baseAmount: parseDecimal("1000"),
        quoteAmount: parseDecimal("99999"),
      },
    ]);
    const late = await createBackfill(payload);
    expect(await work(directory)).toEqual([]);
    const differing = await listArtifacts(database.sql, TENANT, {
      jobId: null,
      isMismatch: true,
      before: null,
      limit: 9,
    });
    expect(differing.map(({ jobId, name }) => [jobId, name])).toEqual([
      [late.mergeJob, "prices.jsonl"],
      [late.jobs[2], "part.jsonl"],
    ]);
    expect(differing[0]).toMatchObject({ expectedSha256: one?.sha256 });
  });
});
