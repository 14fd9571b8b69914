import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Asset, parseAsset } from "../../canonical/asset.ts";
import { parsePair } from "../../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../../canonical/stellar-contract.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

const CIRCLE = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const AQUA_ISSUER = "GBNZILSTVQZ4R7IKQDGHYGY2QXL5QOFJYQMXPKWRRM5PAV7Y4M67AQUA";

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  const pair = parsePair(`native/USDC-${CIRCLE}`);
  await writeTrades(database, [trade(pair, "2026-01-10T11:59:00Z", { base: "1000", quote: "250", source: "sdex" })]);
});

afterAll(() => database.drop());

async function get(query: string) {
  const api = openTestApi({ database, policy: { min_usd_volume_unknown: "publish" } });
  api.at("2026-01-10T12:00:10Z");
  return api.get(query);
}

test.each([
  [`pair=native/USDC:${CIRCLE}`, "5m"],
  [`pair=native%2FUSDC%3A${CIRCLE}`, "1d"],
  [`base=native&quote=USDC:${CIRCLE}`, "1w"],
])("CODE:ISSUER and days are accepted: %s, %s", async (pair, window) => {
  const { status, body } = await get(`/v1/vwap?${pair}&window=${window}`);
  expect(status).toBe(200);
  expect(body.data).toMatchObject({ pair: `native/USDC-${CIRCLE}`, price: "0.25" });
});

describe("the contract of a classic asset that is known only from trades", () => {
  const ISSUED = parseAsset(`AQUA-${AQUA_ISSUER}`);
  const CONTRACT = contractOf(ISSUED, networkPassphrase("public")) as Asset;
  beforeAll(() =>
    writeTrades(database, [
      trade({ base: ISSUED, quote: parseAsset("USD") }, "2026-01-10T11:57:00Z", { base: "1000", quote: "4000" }),
      trade({ base: ISSUED, quote: parseAsset("USD") }, "2026-01-10T11:58:00Z", { base: "1000", quote: "5000" }),
      trade({ base: CONTRACT, quote: parseAsset("USD") }, "2026-01-10T11:59:00Z", { base: "1000", quote: "6000" }),
    ]),
  );

  test("is treated as that asset by every endpoint", async () => {
    for (const path of [
      "vwap?",
      "twap?",
      "twap?filter=none&",
      "price?",
      "ohlc?interval=1h&",
      "ohlc?interval=1h&filter=none&",
    ]) {
      const [byName, byContract] = await Promise.all(
        [ISSUED, CONTRACT].map((asset) => get(`/v1/${path}base=${asset}&quote=USD`)),
      );
      expect([path, byContract?.status]).toEqual([path, 200]);
      // The answer names the pair as requested.
      expect(byContract?.text.replaceAll(CONTRACT, ISSUED)).toBe(byName?.text);
    }
    const { body } = await get(`/v1/vwap?base=${CONTRACT}&quote=USD`);
    expect(body.data).toMatchObject({ pair: `${CONTRACT}/fiat:USD`, price: "5", trade_count: 3 });
  });

  test("is treated as that asset as a quote and at the end of a route", async () => {
    const inverted = await get(`/v1/vwap?base=USD&quote=${CONTRACT}`);
    expect(inverted.body.data).toMatchObject({
      pair: `fiat:USD/${CONTRACT}`,
      price: "0.2",
      legs: [{ pair: `fiat:USD/${ISSUED}`, inverted: true }],
    });
  });

  test("forms no pair with its own asset", async () => {
    for (const [base, quote] of [
      [ISSUED, CONTRACT],
      [CONTRACT, ISSUED],
    ]) {
      const { body } = await get(`/v1/vwap?base=${base}&quote=${quote}`);
      expect(body.detail).toContain("has one asset on both sides");
    }
  });
});

test("a candle may be a week long", async () => {
  const { status, body } = await get(`/v1/ohlc?pair=native/USDC:${CIRCLE}&interval=1w&to=2026-01-22T00:00:00Z`);
  expect(status).toBe(200);
  expect(body.data).toMatchObject({ pair: `native/USDC-${CIRCLE}`, interval_seconds: 604_800 });
});

test.each([
  ["vwap?pair=xlm/USD", 'asset "xlm" is not known; did you mean XLM?'],
  ["twap?pair=NATIVE/USD", "did you mean native?"],
  ["price?pair=crypto:btc/USD", "did you mean crypto:BTC?"],
  ["ohlc?interval=1h&base=XLM&quote=usd", "did you mean USD?"],
  ["vwap?pair=XLM/fiat:usd", "did you mean fiat:USD?"],
])("a known code in different case is refused: %s", async (query, detail) => {
  const { status, body } = await get(`/v1/${query}`);
  expect(status).toBe(400);
  expect(body.type).toContain("invalid-query");
  expect(body.errors).toEqual([{ parameter: "pair", detail: expect.stringContaining(detail) }]);
});

test.each([
  ["vwap?pair=foo/USD", "did you mean FOO?"],
  ["price?pair=crypto:Foo/USD", "did you mean crypto:FOO?"],
  ["ohlc?interval=1h&base=BAR&quote=usd", "did you mean bar?"],
  ["twap?pair=bAR/USD&window=5m", "did you mean bar?"],
])("a configured asset in different case is refused: %s", async (query, detail) => {
  const api = openTestApi({
    database,
    settings: { pairs: [parsePair("FOO/USD"), parsePair("bar/USD")] },
  });
  api.at("2026-01-10T12:00:10Z");
  const { status, body } = await api.get(`/v1/${query}`);
  expect(status).toBe(400);
  expect(body.errors).toEqual([{ parameter: "pair", detail: expect.stringContaining(detail) }]);
  expect((await api.get("/v1/vwap?pair=FOO/USD")).status).toBe(404);
});
