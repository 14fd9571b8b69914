import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain } from "../../../test/model.ts";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { formatDecimal, parseDecimal, sum } from "../../canonical/decimal.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Block, RecentBlocks, TradeReader } from "../../policy/reader.ts";
import { connectBeside, openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { readOnly } from "../connection/read-only.ts";
import { preloadedBlocks } from "../replay/preloaded-blocks.ts";
import { withReplay } from "../replay/replay.ts";
import type { Horizons } from "../retention/horizons.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { recentBlocksFrom } from "./recent-blocks.ts";
import { readerOf, withSnapshot } from "./snapshot.ts";

const T = parseTime("2026-03-10T10:00:00Z");
const MONTH = 744n * HOUR;

type Ask = TradeReader["recentBlocks"];

function written({ hours, minutes }: RecentBlocks) {
  const lines = (blocks: readonly Block[]) =>
    blocks.flatMap(({ from, sources }) =>
      sources.map(({ source, base, quote }) => `${formatTime(from)} ${source} ${total(base)} ${total(quote)}`),
    );
  return { hours: lines(hours), minutes: lines(minutes) };
}

function total(texts: readonly string[]): string {
  return formatDecimal(sum(texts.map(parseDecimal)));
}

describe.each(enginesOf(testEngines))("recent blocks on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const recent = (...question: Parameters<Ask>) => withSnapshot(database, (reader) => reader.recentBlocks(...question));

  it("are the last five complete hours, per source, over the pairs", async () => {
    const [pair, alias] = [freshPair(), freshPair()];
    await writeTrades(database, [
      ...[1, 2, 4, 8, 9, 10].map((hour) => trade(pair, T - BigInt(hour) * HOUR, { quote: String(hour) })),
      trade(alias, T - HOUR + 1n, { quote: "3" }),
      trade(alias, T - HOUR + 1n, { quote: "7", source: "binance" }),
      trade(pair, T - 3n * HOUR, { source: "coingecko" }),
      trade(pair, T),
      trade(pair, T + 10n * MINUTE),
    ]);
    const answer = await recent([pair, alias], T + 30n * MINUTE, ["binance", "kraken"], null);
    expect(written(answer)).toEqual({
      hours: [
        "2026-03-10T09:00:00Z binance 1 7",
        "2026-03-10T09:00:00Z kraken 2 4",
        "2026-03-10T08:00:00Z kraken 1 2",
        "2026-03-10T06:00:00Z kraken 1 4",
        "2026-03-10T02:00:00Z kraken 1 8",
        "2026-03-10T01:00:00Z kraken 1 9",
      ],
      minutes: [],
    });
  });

  it("are two hours without minutes, or without hours the minutes of the last three hours", async () => {
    const pair = freshPair();
    const before = T + 10n * MINUTE + seconds(30);
    await writeTrades(database, [
      trade(pair, T - MONTH),
      trade(pair, T - MONTH - 1n),
      trade(pair, before - 3n * HOUR, { quote: "9" }),
      trade(pair, before - 3n * HOUR + seconds(30), { quote: "2" }),
      trade(pair, T + 9n * MINUTE, { quote: "3" }),
      trade(pair, T + 10n * MINUTE, { quote: "4" }),
    ]);
    expect(written(await recent([pair], before, null, null))).toEqual({
      hours: ["2026-03-10T07:00:00Z kraken 2 11", "2026-02-07T10:00:00Z kraken 1 1"],
      minutes: [],
    });
    const young = freshPair();
    await writeTrades(database, [
      trade(young, T + seconds(30), { quote: "2" }),
      trade(young, T + 9n * MINUTE, { quote: "3" }),
      trade(young, T + 10n * MINUTE, { quote: "4" }),
    ]);
    expect(written(await recent([young], before, null, null))).toEqual({
      hours: [],
      minutes: ["2026-03-10T10:09:00Z kraken 1 3", "2026-03-10T10:00:00Z kraken 1 2"],
    });
  });

  it("need rollups back to the fifth hour, or over the whole search range", async () => {
    const pair = freshPair();
    await writeTrades(
      database,
      [1, 2, 3, 4, 5].map((hour) => trade(pair, T - BigInt(hour) * HOUR)),
    );
    const asked = (before: Micros, horizons: Horizons) =>
      readOnly(database, (sql, _, now) => readerOf(sql, horizons, now).recentBlocks([pair], before, null, null));
    const hoursFrom = (from: Micros): Horizons => new Map([["trades_1h", from]]);
    expect((await asked(T, hoursFrom(T - 5n * HOUR))).hours).toHaveLength(5);
    await expect(asked(T, hoursFrom(T - 4n * HOUR))).rejects.toThrow(RawDataExpired);
    await expect(asked(T - HOUR, hoursFrom(T - 5n * HOUR))).rejects.toThrow(/needs trades_1h from 2026-02-07T09:00/);
    const minutesFrom = new Map([["trades_1m", T]]);
    expect((await asked(T, minutesFrom)).minutes).toEqual([]);
    await expect(asked(T - 5n * HOUR, minutesFrom)).rejects.toThrow(/needs trades_1m from 2026-03-10T02:00/);
  });

  const anyTrade = fc.record({
    market: fc.nat({ max: 1 }),
    hoursAgo: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -1, max: 9 }) },
      { weight: 1, arbitrary: fc.constantFrom(742, 743, 744, 745) },
    ),
    minute: fc.constantFrom(0, 1, 29, 30, 59),
    source: fc.constantFrom("binance", "coingecko", "kraken"),
    base: fc.integer({ min: 1, max: 9 }),
    quote: fc.integer({ min: 1, max: 9 }),
    isDust: fc.boolean(),
  });
  const anyQuestion = fc.record({
    trades: fc.array(anyTrade, { maxLength: 40, size: "max" }),
    befores: fc.array(
      fc.record({
        minutes: fc.oneof(fc.integer({ min: -180, max: 60 }), fc.constantFrom(-120, -60, 0, 1)),
        micros: fc.constantFrom(0n, 1n, seconds(30)),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    sources: fc.constantFrom<string[] | null>(null, ["kraken"], ["binance", "kraken"], []),
    minQuoteVolume: fc.option(
      fc.constantFrom("5", "7.000000000000000000000000000001", "1e-9", "100").map(parseDecimal),
    ),
    horizons: fc.oneof(
      { weight: 3, arbitrary: fc.constant(new Map<string, Micros>()) },
      fc
        .tuple(fc.constantFrom("trades_1h", "trades_1m"), fc.integer({ min: 0, max: 746 }))
        .map(([table, hours]) => new Map([[table, T - BigInt(hours) * HOUR]])),
    ),
  });

  it("equal a computation from single trades, both from queries and from the replay's cache", async () => {
    await fc.assert(
      fc.asyncProperty(anyQuestion, async ({ trades, befores, sources, minQuoteVolume, horizons }) => {
        const pairs = [freshPair(), freshPair()] as const;
        const rows = trades.map(({ market, hoursAgo, minute, source, base, quote, isDust }, index) =>
          trade(pairs[market as 0 | 1], T - BigInt(hoursAgo) * HOUR + BigInt(minute) * MINUTE + BigInt(index), {
            source,
            tradeId: String(index),
            base: `${base}${isDust ? "e-9" : ""}`,
            quote: `${quote}${isDust ? "e-9" : ""}`,
          }),
        );
        await writeTrades(database, rows);

        const blocks = (bucket: Bucket, step: Micros) => {
          const starts = new Set<Micros>();
          const lines = new Map<string, { base: bigint; quote: bigint }>();
          const key = (row: TradeRow) => `${row.base} ${row.source} ${row.ts - (row.ts % step)}`;
          const priced = new Set(rows.filter(({ baseAmount }) => baseAmount.gte(1)).map(key));
          const isWorthIt = (row: TradeRow) =>
            minQuoteVolume === null ||
            sum(rows.filter((other) => key(other) === key(row)).map(({ quoteAmount }) => quoteAmount)).gte(
              minQuoteVolume,
            );
          for (const row of rows) {
            if (sources !== null && !sources.includes(row.source)) continue;
            if (!priced.has(key(row)) || !isWorthIt(row)) continue;
            const from = row.ts - (row.ts % step);
            if (from < bucket.from || from + step > bucket.to) continue;
            starts.add(from);
            const line = lines.get(`${formatTime(from)} ${row.source}`) ?? { base: 0n, quote: 0n };
            lines.set(`${formatTime(from)} ${row.source}`, {
              base: line.base + BigInt(row.baseAmount.toFixed(9).replace(".", "")),
              quote: line.quote + BigInt(row.quoteAmount.toFixed(9).replace(".", "")),
            });
          }
          const newest = [...starts].sort((a, b) => Number(b - a));
          const linesOf = (from: Micros) =>
            [...lines]
              .filter(([key]) => key.startsWith(`${formatTime(from)} `))
              .map(([key, { base, quote }]) => `${key} ${plain(base, 9n)} ${plain(quote, 9n)}`)
              .sort(compareBytes);
          return { newest, linesOf };
        };
        const expected = befores.map(({ minutes, micros }) => {
          const before = T + BigInt(minutes) * MINUTE + micros;
          const end = before - (before % HOUR);
          const { newest, linesOf } = blocks({ from: end - MONTH, to: end }, HOUR);
          const hours = newest.slice(0, 5);
          const neededFrom = hours.length === 5 ? (hours[4] as Micros) : end - MONTH;
          if ((horizons.get("trades_1h") ?? 0n) > neededFrom) return { before, answer: "expired" };
          if (hours.length > 0) return { before, answer: { hours: hours.flatMap(linesOf), minutes: [] } };
          const first = before - 3n * HOUR;
          const from = first + ((MINUTE - (first % MINUTE)) % MINUTE);
          if ((horizons.get("trades_1m") ?? 0n) > from) return { before, answer: "expired" };
          const inMinutes = blocks({ from, to: before - (before % MINUTE) }, MINUTE);
          const lines = inMinutes.newest.flatMap(inMinutes.linesOf);
          return { before, answer: { hours: hours.flatMap(linesOf), minutes: lines } };
        });

        const asked = (ask: Ask) =>
          Promise.all(
            expected.map(async ({ before }) => {
              try {
                return { before, answer: written(await ask(pairs, before, sources, minQuoteVolume)) };
              } catch (error) {
                if (!(error instanceof RawDataExpired)) throw error;
                return { before, answer: "expired" };
              }
            }),
          );
        await readOnly(database, async (sql, _, now) => {
          expect(await asked(readerOf(sql, horizons, now).recentBlocks)).toEqual(expected);
          // Some of the times are within the cached range, and some before it.
          const held = preloadedBlocks(sql, { from: T - HOUR, to: T + HOUR });
          expect(await asked(recentBlocksFrom(horizons, held))).toEqual(expected);
        });
      }),
      { numRuns: runsOf(50) },
    );
  });

  it("are read in few statements for many times, and once in a replay", async () => {
    const [pair, quiet] = [freshPair(), freshPair()];
    await writeTrades(
      database,
      Array.from({ length: 300 }, (_, index) => trade(pair, T - BigInt(index) * 40n * MINUTE)),
    );
    const statements: string[] = [];
    const sql = connectBeside(database, { max: 1, debug: (_, statement) => statements.push(statement) });
    const session = { ...database, sql };
    // On TimescaleDB the first snapshot of a pool also reads which chunks were dropped.
    await withSnapshot(session, async () => {});
    statements.length = 0;
    const moments = Array.from({ length: 400 }, (_, index) => T - BigInt(index) * MINUTE);
    const ask = (reader: TradeReader) =>
      Promise.all(
        moments.flatMap((at) => [pair, quiet].map((each) => reader.recentBlocks([each], at, ["kraken"], null))),
      );
    const read = () => statements.splice(0).filter((statement) => statement.includes("trades_1"));
    const answers = await withSnapshot(session, ask);
    // The quiet pair also needs minutes.
    expect(read().map((statement) => /trades_1[mh]/.exec(statement)?.[0])).toEqual(["trades_1h", "trades_1m"]);
    const span = { from: T - 24n * HOUR, to: T };
    const scope = { pairs: [pair, quiet], span };
    expect(await withReplay(session, scope, (reader) => ask(reader).then(() => ask(reader)))).toEqual(answers);
    expect(
      read()
        .slice(1)
        .map((statement) => /trades_1[mh]/.exec(statement)?.[0]),
    ).toEqual(["trades_1h", "trades_1m"]);
    await sql.end();
  });
});
