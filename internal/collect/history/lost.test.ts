import { describe, expect, it, onTestFinished } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parsePair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { cover, listCoverage, moveWatermark } from "../../storage/control/coverage.ts";
import { leaseNewJob, testLedger } from "../../storage/control/jobs.testing.ts";
import { databaseTime } from "../../storage/control/schedules.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { bitstamp } from "../bitstamp/bitstamp.ts";
import type { VenueGet } from "../connector.ts";
import { declareFeeds, endpointOf, feedOf } from "../declare.ts";
import { gapLost } from "../events.ts";
import { tradeOf } from "../trade.ts";
import { collectHistory } from "./collect-history.ts";
import { makeGapFiller } from "./gaps.ts";

const HOUR = seconds(3600);
const pair = parsePair("XLM/USD");
const feed = "bitstamp:XLM-USD";

describe.each(enginesOf(testEngines))("a venue with a short memory, on $name", (engine) => {
  const ledger = testLedger(engine);

  const declared = (start: Micros) => {
    const given = feedOf({ source: "bitstamp", connector: "bitstamp", pair, start });
    return declareFeeds(ledger.database, ledger.tenant, [given], [], () => start);
  };

  it("is asked for what it still has; what it has no more is named once", async () => {
    const { sql } = ledger.database;
    const now = await databaseTime(sql);
    const start = now - seconds(3 * 86_400);
    await declared(start);
    await moveWatermark(sql, ledger.tenant, feed, now);
    await cover(sql, ledger.tenant, feed, [{ from: now - 40n * HOUR, to: now - seconds(600) }]);
    const lost: unknown[] = [];
    onTestFinished(gapLost.subscribe((event) => lost.push(event)));
    const fill = makeGapFiller(ledger.database, ledger.tenant, { ...bitstamp, hasDayFiles: false }, () => 0);
    await fill(feed);
    await fill(feed);
    const gap = { from: formatTime(start), to: formatTime(now - 40n * HOUR) };
    expect(lost).toEqual([{ source: "bitstamp", feed, ...gap }]);
    expect(
      await sql`SELECT payload->>'from' AS "from", payload->>'to' AS "to" FROM control.jobs WHERE tenant = ${ledger.tenant}`,
    ).toEqual([{ from: formatTime(now - seconds(600)), to: formatTime(now) }]);
  });

  it("tells times cut to seconds: what is stored is not stored again, and what is missing in the first second is", async () => {
    const { sql } = ledger.database;
    const at = (text: string) => parseTime(`2026-08-29T12:00:${text}Z`);
    await declared(at("00"));
    const { collected } = feedOf({ source: "bitstamp", connector: "bitstamp", pair, start: at("00") });
    const live = tradeOf(collected, { id: "1", ts: at("10.25"), size: "10", price: "0.4" });
    await writeTrades(ledger.database, live === null ? [] : [live]);
    const listed = [
      ["4", "30"],
      ["3", "20"],
      ["2", "10"],
      ["1", "10"],
      ["0", "05"],
    ] as const;
    const get: VenueGet = async () =>
      JSON.stringify(
        listed.map(([tid, second]) => ({
          ...{ date: String(at(second) / seconds(1)), tid, type: "0", price: "0.4", amount: "10" },
        })),
      );
    const window = { feed: collected, endpoint: endpointOf(bitstamp, "bitstamp", []), from: at("10.5"), to: at("30") };
    const options = {
      ...{ connector: bitstamp, window, database: ledger.database, tenant: ledger.tenant },
      lease: await leaseNewJob(sql, ledger.tenant),
      get,
      download: async () => false,
      now: () => window.to,
    };
    const { signal } = new AbortController();
    expect(await collectHistory(options, signal)).toMatchObject({ new: 2, conflicting: 0 });
    expect(
      await sql`SELECT trade_id AS id, (extract(epoch FROM ts) * 1000000)::bigint::text AS ts FROM trades ORDER BY ts, trade_id`,
    ).toEqual(
      [
        ["2", "10"],
        ["1", "10.25"],
        ["3", "20"],
      ].map(([id, second]) => ({ id, ts: String(at(second ?? "")) })),
    );
    expect(await listCoverage(sql, ledger.tenant, feed, { after: null, limit: 9 })).toEqual([
      { from: at("10.5"), to: at("30") },
    ]);
  });
});
