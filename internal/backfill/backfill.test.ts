import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { casesOf, enginesOf, isThorough } from "../../test/thoroughness.ts";
import { ALL_TARGETS } from "../aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../aggregator/replay-wait.testing.ts";
import { type Target, targetsOf } from "../aggregator/target.ts";
import { runTick } from "../aggregator/tick.ts";
import { vwapKey } from "../cache/keys.ts";
import { openStore } from "../cache/open-store.ts";
import { bucketEndingAt } from "../canonical/bucket.ts";
import { type Pair, parsePair } from "../canonical/pair.ts";
import { type PublishedValue, serializePublished } from "../canonical/published.ts";
import { formatTime, type Micros, parseTime, seconds } from "../canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../policy/policy.ts";
import { computePublished } from "../policy/published-value.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../storage/connection/database.testing.ts";
import { RawDataExpired } from "../storage/connection/errors.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { withSnapshot } from "../storage/windows/snapshot.ts";
import { type BackfillResult, runBackfill } from "./backfill.ts";
import { BACKFILL_FORMATS, type BackfillFormat } from "./format.ts";
import { openOutput } from "./output.ts";
import { type BackfillPlan, endsInChunks } from "./plan.ts";

const START = parseTime("2026-03-01T10:00:00Z");
const minute = (count: number): Micros => START + seconds(count * 60);
const jsonl = BACKFILL_FORMATS["jsonl"] as BackfillFormat;

const PAIRS = ["XLM/USD", "BTC/USD", "BTC/EUR", "XLM/EUR", "XLM/GBP", "ETH/USD"].map(parsePair);
const LONELY = parsePair("LONELY/USD");
/** Somewhat more buckets than fit in a chunk of one pair and window. */
const LONG = 40_100;

/** Two hours of markets under several aliases, with outliers, a deviating venue, and sources that do not count. */
function market() {
  const names = ["XLM/USD", "native/USD", "XLM/USDT", "BTC/USD", "BTC/EUR"].map(parsePair);
  const sources = ["kraken", "binance", "bitstamp", "sdex", "coingecko", "coinbase", "nobody-knows"];
  return Array.from({ length: 1500 }, (_, n) => {
    const pair = names[n % names.length] as Pair;
    const source = sources[n % sources.length] as string;
    const mood = source === "sdex" ? 1.2 : 1;
    const price = (n % 97 === 0 ? 9 : 1) * mood * (1 + ((n * 37) % 101) / 10_000);
    return trade(pair, START + BigInt(n) * 4_871_113n, {
      source,
      tradeId: String(n),
      base: String(1 + ((n * 53) % 17)),
      quote: (price * (1 + ((n * 53) % 17))).toFixed(8),
    });
  });
}

function isValue(outcome: PublishedValue | RawDataExpired | null): outcome is PublishedValue {
  return outcome !== null && !(outcome instanceof RawDataExpired);
}

describe.each(enginesOf(testEngines))("a backfill on $name", (engine) => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-backfill-"));
  let database: TestDatabase;
  let files = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    const rate = { source: "ecb", tradeId: "2026-02-27" };
    await writeTrades(database, [
      ...market(),
      trade(parsePair("EUR/USD"), START - seconds(90_000), { ...rate, quote: "1.0811" }),
      trade(parsePair("EUR/USD"), minute(40), { ...rate, quote: "1.0911" }),
      // The prices drift by less than the guard factor.
      ...[1, 2, 60, 39_998, 39_999, 40_000, 40_003].map((at) =>
        trade(LONELY, minute(at), { quote: String(1 + at / 100_000) }),
      ),
    ]);
  });
  afterAll(async () => {
    await database?.drop();
    rmSync(directory, { recursive: true });
  });

  const policyWith = (settings: Partial<PolicySettings> = {}): Policy =>
    makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0, ...settings });
  const planWith = (details: Partial<BackfillPlan> = {}): BackfillPlan => ({
    pairs: PAIRS,
    windows: [300, 3600],
    from: minute(30),
    to: minute(50),
    everySeconds: 60,
    ...details,
  });

  function freshPath(): string {
    files++;
    return join(directory, `out${files}.jsonl`);
  }

  interface Run {
    readonly path: string;
    readonly signal?: AbortSignal;
    readonly format?: BackfillFormat;
    readonly onProgress?: (done: number, total: number) => void;
  }

  async function backfill(
    policy: Policy,
    plan: BackfillPlan,
    { path, signal = new AbortController().signal, format = jsonl, onProgress = () => {} }: Run,
  ): Promise<BackfillResult> {
    const output = await openOutput(path, "q", format.header);
    const context = { database, policy, concurrency: 1000, maxTrades: 10_000, settleSeconds: 5 };
    const result = await runBackfill(context, plan, { format, output, signal, onProgress });
    await output.close(result.isComplete);
    return result;
  }

  async function linesOf(policy: Policy, plan: BackfillPlan): Promise<{ lines: string[]; result: BackfillResult }> {
    const path = freshPath();
    const result = await backfill(policy, plan, { path });
    const text = readFileSync(path, "utf8");
    expect(text === "" || text.endsWith("\n")).toBe(true);
    return { lines: text.split("\n").slice(0, -1), result };
  }

  /** The values that `compute` gives for each bucket of the plan, in the order of the file. */
  async function computed(policy: Policy, plan: BackfillPlan): Promise<(PublishedValue | RawDataExpired | null)[]> {
    const targets = plan.pairs.flatMap((pair) => plan.windows.map((windowSeconds) => ({ pair, windowSeconds })));
    const ends = [...endsInChunks(plan, null)].flat();
    return withSnapshot(database, (reader) =>
      Promise.all(
        ends.flatMap((end) =>
          targets.map(async ({ pair, windowSeconds }) => {
            const bucket = bucketEndingAt(end, windowSeconds);
            const options = { maxTrades: 10_000 };
            return computePublished(reader, policy, pair, bucket, options).then(
              ({ value }) => value,
              (error: unknown) => {
                if (error instanceof RawDataExpired) return error;
                throw error;
              },
            );
          }),
        ),
      ),
    );
  }

  /** Runs a backfill and compares it with `compute`, bucket by bucket. */
  async function expectAgreement(policy: Policy, plan: BackfillPlan): Promise<BackfillResult & { lines: string[] }> {
    const expected = await computed(policy, plan);
    const values = expected.filter(isValue);
    const expired = expected.filter((value) => value instanceof RawDataExpired);
    const { lines, result } = await linesOf(policy, plan);
    expect(lines).toEqual(values.map(serializePublished));
    expect(result).toMatchObject({
      values: values.length,
      empty: expected.length - values.length - expired.length,
      expired: expired.length,
      isComplete: true,
    });
    return { ...result, lines };
  }

  const policies: [string, Partial<PolicySettings>, RegExp | null][] = [
    ["the plain rules", {}, /"outlier":[1-9]/],
    ["the stablecoin proxy", { enable_stablecoin_fiat_proxy: true }, null],
    ["every source", { disable_class_filter: true }, /coingecko/],
    ["a narrow σ", { outlier_sigma_threshold: 1 }, /"outlier":[1-9]/],
    ["MAD", { outlier_method: "mad", outlier_sigma_threshold: 3 }, /"outlier":[1-9]/],
    ["venue rules", { venue_deviation_pct: 5, max_source_share: 0.4 }, /"venue":[1-9]/],
    ["a floor that only some buckets reach", { min_usd_volume: 150, min_usd_volume_unknown: "refuse" }, /"provenance"/],
    ["no triangulation", { triangulation_enabled: false }, null],
  ];
  it.each(casesOf(1, policies))("gives the bytes of compute under %s", async (_what, settings, witness) => {
    const { lines, empty } = await expectAgreement(policyWith(settings), planWith());
    expect(lines.length).toBeGreaterThan(50);
    expect(empty).toBeGreaterThan(0);
    if (witness !== null) expect(lines.some((line) => witness.test(line))).toBe(true);
  });

  const plans: [string, Partial<BackfillPlan>][] = [
    ["every 15 s", { windows: [30, 60, 300], everySeconds: 15, to: minute(35) }],
    ["every 90 s", { windows: [90, 120, 3600], everySeconds: 90, to: minute(48) }],
    [
      "windows within and beyond the minutes in memory",
      { windows: [300, 3 * 86_400], everySeconds: 60, to: minute(42) },
    ],
    ["too few ends for minutes in memory", { to: minute(33) }],
    ["ends before the first trade and after the last", { from: minute(-8), to: minute(150), everySeconds: 600 }],
  ];
  it.each(casesOf(1, plans))("gives the bytes of compute with %s", async (_what, details) => {
    const { values } = await expectAgreement(policyWith(), planWith(details));
    expect(values).toBeGreaterThan(0);
  });

  it("writes the bytes that ticks publish", async () => {
    const policy = policyWith({ enable_stablecoin_fiat_proxy: true });
    const targets: Target[] = targetsOf(PAIRS, [300, 3600]);
    const store = openStore({ url: "memory:", key_prefix: "" }, { now: () => minute(50) });
    const context = {
      database,
      store,
      policy,
      targets,
      concurrency: 10,
      maxTrades: 100,
      precomputeTwap: false,
      replayWait: NO_REPLAY_WAIT,
      assignment: ALL_TARGETS,
      now: () => 0n,
      stopwatch: () => 0,
    };
    const { lines } = await linesOf(policy, planWith({ everySeconds: 300 }));
    for (let end = minute(35); end <= minute(50); end += seconds(300)) {
      const event = await runTick({ ...context, namedSources: new Set() }, end, new AbortController().signal);
      const isOfEnd = (text: string | null): boolean => text?.includes(`"to":"${formatTime(end)}"`) === true;
      const published = await store.read(targets.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds)));
      expect(new Set(lines.filter(isOfEnd))).toEqual(new Set(published.filter(isOfEnd)));
      expect(event.counts.written).toBe(lines.filter(isOfEnd).length);
      expect(event.counts.written).toBeGreaterThan(0);
    }
    await store.close();
  });

  it.each(["trades", "trades_1m"])(
    "omits and counts buckets that need rows of %s which retention has removed",
    async (table) => {
      const horizon = "2026-03-01T11:40:00Z";
      await database.sql`
      UPDATE retention_horizons SET complete_from = ${horizon}::timestamptz WHERE table_name IN ('trades', ${table})`;
      try {
        // There is an hour before these buckets, so that the guard needs no minutes.
        const plan = planWith({ from: minute(90), to: minute(110) });
        const { expired, firstExpired, values } = await expectAgreement(policyWith(), plan);
        expect(expired).toBeGreaterThan(0);
        expect(values).toBeGreaterThan(0);
        expect(firstExpired).toContain(`rows before ${horizon} have been removed`);
        expect(firstExpired).toMatch(/^crypto:\w+\/fiat:\w+ over \d+ s: this needs /);
      } finally {
        await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
      }
    },
  );

  it("omits buckets that the guard cannot check because retention has removed the minutes before", async () => {
    await database.sql`
      UPDATE retention_horizons SET complete_from = '2026-03-01T10:40:00Z' WHERE table_name IN ('trades', 'trades_1m')`;
    try {
      const { expired, values } = await expectAgreement(policyWith(), planWith());
      expect(values).toBe(0);
      const unguarded = await expectAgreement(policyWith({ guard_factor: 0 }), planWith());
      expect(unguarded.values).toBeGreaterThan(0);
      expect(unguarded.expired).toBeGreaterThan(0);
      expect(expired).toBeGreaterThan(unguarded.expired);
    } finally {
      await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    }
  });

  it("writes the bytes of compute if the guard withholds values", async () => {
    const pair = parsePair("JUMPY/USD");
    await writeTrades(
      database,
      Array.from({ length: 60 }, (_, at) => trade(pair, minute(at), { quote: at < 20 ? "1" : "3" })),
    );
    const plan = planWith({ pairs: [pair], windows: [60, 300], from: minute(1), to: minute(60) });
    const { lines, values } = await expectAgreement(policyWith(), plan);
    const unguarded = await expectAgreement(policyWith({ guard_factor: 0 }), plan);
    // The new price lasts long enough to become the recent price.
    expect(lines.at(-1)).toContain('"price":"3"');
    expect(values).toBeLessThan(unguarded.values);
  });

  if (isThorough)
    describe("of more values than a chunk holds", () => {
      const policy = policyWith({ triangulation_enabled: false });
      const plan = { pairs: [LONELY], windows: [300], from: START, to: minute(LONG), everySeconds: 60 };
      let undisturbed: { lines: string[]; result: BackfillResult };
      beforeAll(async () => {
        undisturbed = await linesOf(policy, plan);
      });

      it("has each bucket once across chunk boundaries", async () => {
        const ends = undisturbed.lines.map((line) => (parseTime(JSON.parse(line).to) - START) / seconds(60));
        const within = (first: number, last: number) =>
          Array.from({ length: last - first + 1 }, (_, index) => BigInt(first + index));
        expect(ends).toEqual([...within(2, 7), ...within(61, 65), ...within(39_999, 40_008)]);
        expect(undisturbed.result).toMatchObject({ values: ends.length, empty: LONG - ends.length, isComplete: true });
        const around = { ...plan, from: minute(39_990), to: minute(40_010) };
        const expected = await computed(policy, around);
        const values = expected.filter(isValue);
        expect(undisturbed.lines.slice(-values.length)).toEqual(values.map(serializePublished));
      });

      it("writes the same file if it is stopped and resumed", async () => {
        const path = freshPath();
        const between = new AbortController();
        const progress: number[] = [];
        const onProgress = (done: number, total: number): void => {
          expect(total).toBe(LONG);
          progress.push(done);
          if (done === 40_000) between.abort();
        };
        expect(await backfill(policy, plan, { path, signal: between.signal, onProgress })).toMatchObject({
          isComplete: false,
        });

        const within = new AbortController();
        const stopping = {
          ...jsonl,
          line: (value: PublishedValue) => {
            within.abort();
            return jsonl.line(value);
          },
        };
        const stopped = await backfill(policy, plan, { path, signal: within.signal, format: stopping });
        expect(stopped.isComplete).toBe(false);

        expect(await backfill(policy, plan, { path, onProgress })).toEqual(undisturbed.result);
        expect(progress).toEqual([0, 40_000, 40_000, LONG]);
        expect(readFileSync(path, "utf8").split("\n").slice(0, -1)).toEqual(undisturbed.lines);
      });
    });
});
