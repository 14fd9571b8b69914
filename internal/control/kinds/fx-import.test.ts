import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseEcbRates } from "../../canonical/ecb-rates.ts";
import { parsePair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import { endpointOf, feedOf } from "../../collect/declare.ts";
import { ecb } from "../../collect/ecb/ecb.ts";
import { collectHistory } from "../../collect/history/collect-history.ts";
import { loadConfig } from "../../config/load.ts";
import { serve } from "../../http/local-server.testing.ts";
import { importEcbRates } from "../../import/ecb-rates.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../policy/policy.ts";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../../storage/connection/database.testing.ts";
import { leaseNewJob } from "../../storage/control/jobs.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { PermanentFailure } from "../kind.ts";
import { fxImport } from "./fx-import.ts";

const day = (date: string, ...rates: [string, string][]) =>
  `<Cube time='${date}'>\n${rates.map(([code, rate]) => `<Cube currency='${code}' rate='${rate}'/>`).join("\n")}\n</Cube>`;
/** A file as the European Central Bank writes it. */
const fileOf = (...days: string[]) => `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject>
<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube>${days.join("\n")}</Cube></gesmes:Envelope>`;

const FRIDAY = day("2026-08-07", ["USD", "1.1012"], ["GBP", "0.86131"], ["HRK", "7.5"]);
const THURSDAY = day("2026-08-06", ["USD", "1.1"], ["JPY", "161.25"], ["XYZ", "1"], ["CHF", "N/A"]);
const NOW = parseTime("2026-08-08T00:00:00Z");

describe("fx.import", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(enginesOf(testEngines)[0] as TestEngine);
  });
  afterAll(() => database?.drop());

  const run = (url: string, payload: object, now = NOW) => {
    const { config } = loadConfig({ env: { STELLARINDEX_CONTROL_FX_URL: url } });
    const job = { jobId: 1n, leaseToken: 1n };
    const context = {
      database,
      config,
      tenant: "default",
      job,
      now: () => now,
      invertedOf: async () => new Set<number>(),
    };
    return fxImport.prepare(payload)(context, new AbortController().signal);
  };

  it("stores the rates of the file, each once, and says what it left out", async () => {
    const { url, received } = await serve(({ url: { pathname } }, response) => {
      response.end(pathname === "/eurofxref/eurofxref-daily.xml" ? fileOf(FRIDAY) : fileOf(FRIDAY, THURSDAY));
    });
    const base = `${url}/eurofxref/`;
    // Before 16:00 in Berlin the rates of the day are not out yet.
    expect(await run(base, {}, parseTime("2026-08-07T13:00:00Z"))).toMatchObject({ new: 0, bad: 2 });
    expect(await run(base, {})).toEqual({ new: 2, known: 0, conflicting: 0, skipped: 1, bad: 0 });
    expect(await run(base, { file: "90d" })).toEqual({ new: 2, known: 2, conflicting: 0, skipped: 1, bad: 2 });
    expect(received.map((request) => request.url.pathname)).toEqual([
      "/eurofxref/eurofxref-daily.xml",
      "/eurofxref/eurofxref-daily.xml",
      "/eurofxref/eurofxref-hist-90d.xml",
    ]);
    const stored = await database.sql`
      SELECT quote_asset, trade_id, price::text AS price FROM trades WHERE source = 'ecb' ORDER BY ts, quote_asset`;
    expect([...stored]).toEqual([
      { quote_asset: "fiat:JPY", trade_id: "2026-08-06", price: "161.25" },
      { quote_asset: "fiat:USD", trade_id: "2026-08-06", price: "1.1" },
      { quote_asset: "fiat:GBP", trade_id: "2026-08-07", price: "0.86131" },
      { quote_asset: "fiat:USD", trade_id: "2026-08-07", price: "1.1012" },
    ]);
  });

  it("and a feed of the bank's rates store the same rows, so that each changes nothing beside the other", async () => {
    const engine = enginesOf(testEngines)[0] as TestEngine;
    const [own, other] = [await openTestDatabase(engine), await openTestDatabase(engine)];
    onTestFinished(async () => {
      await own.drop();
      await other.drop();
    });
    const file = fileOf(FRIDAY, THURSDAY.replaceAll("1.1'", "1.10'"));
    const feed = feedOf({ source: "ecb", connector: "ecb", pair: parsePair("EUR/USD") });
    const window = {
      ...{ feed: feed.collected, endpoint: endpointOf(ecb, "ecb", []) },
      ...{ from: parseTime("2026-08-06T00:00:00Z"), to: NOW },
    };
    const options = {
      connector: ecb,
      window,
      tenant: "default",
      get: async () => file,
      download: async () => false,
      now: () => NOW,
    };
    const collect = async (into: TestDatabase) => {
      const lease = await leaseNewJob(into.sql, "default");
      return collectHistory({ ...options, database: into, lease }, new AbortController().signal);
    };
    const live = ecb.live
      .decode(file, [feed.collected], NOW)
      .flatMap((each) => (each.type === "trade" ? each.trade : []));
    expect(
      await importEcbRates(own, makePolicy(DEFAULT_POLICY_SETTINGS), parseEcbRates(file), () => NOW),
    ).toMatchObject({
      new: 4,
    });
    const rowsOf = ({ sql }: TestDatabase) => sql`
      SELECT base_asset, quote_asset, ts::text, source, trade_id, base_amount::text, quote_amount::text FROM trades
      WHERE quote_asset = 'fiat:USD' ORDER BY ts`;
    const imported = await rowsOf(own);
    expect(imported).toHaveLength(2);
    expect(await collect(own)).toMatchObject({ new: 0, known: 2, conflicting: 0 });
    expect(await writeTrades(own, live)).toMatchObject({ inserted: 0, conflicting: [] });
    expect(await collect(other)).toMatchObject({ new: 2 });
    expect(await rowsOf(other)).toEqual(imported);
  });

  it("does not repeat what will not get better, but what may", async () => {
    const { url } = await serve(({ url: { pathname } }, response) => {
      response.statusCode = pathname.startsWith("/gone") ? 404 : 200;
      response.end("<html>moved</html>");
    });
    await expect(run(`${url}/`, {})).rejects.toThrow(PermanentFailure);
    await expect(run(`${url}/gone/`, {})).rejects.not.toThrow(PermanentFailure);
    expect(() => fxImport.prepare({ file: "all" })).toThrow("/file");
  });

  it("reads attributes in either quotes, and no rates without a day", () => {
    expect(parseEcbRates('<Cube time="2026-08-07"><Cube currency="USD" rate="1.1"/></Cube>')).toEqual([
      { date: "2026-08-07", quote: "USD", rate: "1.1" },
    ]);
    expect(() => parseEcbRates('<Cube currency="USD" rate="1.1"/>')).toThrow("has no rates");
  });
});
