import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parsePair } from "../../canonical/pair.ts";
import { formatTime, parseTime } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { readLastPrices } from "./last-prices.ts";
import { freshPair, trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const HOUR = { from: parseTime("2026-05-01T11:00:00Z"), to: parseTime("2026-05-01T12:00:00Z") };

describe.each(enginesOf(testEngines))("the last prices on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database?.drop());

  async function read(pairs: Parameters<typeof readLastPrices>[1], sources: string[], bucket = HOUR) {
    const rows = await readLastPrices(database, pairs, bucket, sources);
    return rows.map(
      ({ position, source, price, ts }) => `${position} ${source} ${price.toFixed()} ${formatTime(ts).slice(11)}`,
    );
  }

  it("are returned for each source and pair, however many there are", async () => {
    const [one, other, none] = [freshPair(), freshPair(), freshPair()];
    await writeTrades(database, [
      trade(one, "2026-05-01T11:10:00Z", { source: "band", quote: "1" }),
      trade(one, "2026-05-01T11:59:59.999999Z", { source: "band", quote: "2" }),
      trade(one, "2026-05-01T11:20:00Z", { source: "redstone", base: "3", quote: "1" }),
      trade(one, "2026-05-01T11:20:00Z", { source: "kraken", quote: "4" }),
      trade(other, "2026-05-01T11:30:00Z", { source: "band", quote: "5" }),
    ]);
    const pairs = [other, none, one, other];
    expect(await read(pairs, ["redstone", "band", "nobody"])).toEqual([
      "0 band 5 11:30:00Z",
      "2 band 2 11:59:59.999999Z",
      "2 redstone 0.333333333333333333333333333333 11:20:00Z",
      "3 band 5 11:30:00Z",
    ]);
    expect(await read(pairs, [])).toEqual([]);
    expect(await read([], ["band"])).toEqual([]);
    expect(await read([parsePair(`${one.quote}/${one.base}`)], ["band"])).toEqual([]);
  });

  it("are the last by time, then by id, in any order of writing", async () => {
    const pair = freshPair();
    await writeTrades(database, [
      trade(pair, "2026-05-01T11:10:30.5Z", { source: "band", tradeId: "10", quote: "3" }),
      trade(pair, "2026-05-01T11:10:30.5Z", { source: "band", tradeId: "9", quote: "2" }),
    ]);
    await writeTrades(database, [trade(pair, "2026-05-01T11:10:30Z", { source: "band", quote: "1" })]);
    await writeTrades(database, [trade(pair, "2026-05-01T11:09:59Z", { source: "band", quote: "4" })]);
    expect(await read([pair], ["band"])).toEqual(["0 band 3 11:10:30.5Z"]);
  });

  it("cover the time from the minute of the bucket's start to its end", async () => {
    const pair = freshPair();
    await writeTrades(database, [
      trade(pair, "2026-05-01T10:59:59Z", { source: "band", quote: "1" }),
      trade(pair, "2026-05-01T11:00:00Z", { source: "redstone", quote: "2" }),
      trade(pair, "2026-05-01T12:00:00Z", { source: "redstone", quote: "3" }),
    ]);
    expect(await read([pair], ["band", "redstone"])).toEqual(["0 redstone 2 11:00:00Z"]);
    const later = { from: parseTime("2026-05-01T11:00:59Z"), to: parseTime("2026-05-01T12:00:00.000001Z") };
    expect(await read([pair], ["band", "redstone"], later)).toEqual(["0 redstone 3 12:00:00Z"]);
    const earlier = { from: parseTime("2026-05-01T10:59:59.5Z"), to: parseTime("2026-05-01T11:00:00Z") };
    expect(await read([pair], ["band", "redstone"], earlier)).toEqual(["0 band 1 10:59:59Z"]);
  });

  it("exclude a ratio that was truncated to zero", async () => {
    const pair = freshPair();
    await writeTrades(database, [
      trade(pair, "2026-05-01T11:10:00Z", { source: "band", quote: "1" }),
      trade(pair, "2026-05-01T11:20:00Z", { source: "band", base: "1e39", quote: "1e-30" }),
      trade(pair, "2026-05-01T11:20:00Z", { source: "redstone", base: "1e39", quote: "1e-30" }),
    ]);
    expect(await read([pair], ["band", "redstone"])).toEqual(["0 band 1 11:10:00Z"]);
  });
});
