import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { importAs } from "./formats.testing.ts";
import type { Given } from "./given.ts";

const SAMPLES = fileURLToPath(new URL("../../../../shared/data/formats", import.meta.url));

const pair = (text: string): Given => ({ pair: parsePair(text) });
const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const SPOT = "2025-01-01T00:00:00.123456Z binance crypto:BTC/crypto:USDT 0.00052 49.1464012 4394829100";
const LEDGER = `2026-08-09T21:04:35Z sdex native/${USDC} 152.1 42.588 107449584845914113-0`;

/** What each sample needs, why it is refused without it, and its first row; null where it is always refused. */
const FILES: Readonly<Record<string, readonly [given: Given, refused: string | null, row: RegExp | string | null]>> = {
  "binance-2025-trades-noheader.csv": [pair("BTC/USDT"), "add --pair", SPOT],
  "binance-2025-trades.zip": [{}, null, SPOT],
  "binance-futures-aggtrades.csv": [
    pair("BTC/USDT"),
    "add --pair",
    "2023-05-01T00:00:00.101Z binance-futures crypto:BTC/crypto:USDT 0.639 18673.497 a1715206948",
  ],
  "bitcoincharts-bitstamp.csv": [
    { ...pair("BTC/USD"), source: "bitstamp" },
    "add --format kraken",
    /^2011-09-13T13:53:36Z bitstamp crypto:BTC\/fiat:USD 1 5.8 [0-9a-f]{16}$/,
  ],
  "bybit-public.csv": [
    {},
    null,
    "2025-05-19T00:00:00.0743Z bybit-futures crypto:BTC/crypto:USDT 0.003 319.3614 aaaa-bbbb",
  ],
  "ccxt.ndjson": [
    { source: "binance" },
    "add --source",
    "2025-01-01T00:00:00.123Z binance crypto:BTC/crypto:USDT 0.00052 49.1464012 4394829100",
  ],
  "coinbase-rest.csv": [
    pair("BTC/USD"),
    "add --pair",
    "2026-08-09T21:04:35.345704Z coinbase crypto:BTC/fiat:USD 0.012 780.00144 612345678",
  ],
  "horizon-page.json": [{}, null, LEDGER],
  "horizon-records.ndjson": [{}, null, LEDGER],
  "kraken-account-export.csv": [{}, "an account's own trades", null],
  "kraken-noheader.csv": [
    pair("BTC/USD"),
    "add --pair",
    /^2024-01-01T00:00:00.1234Z kraken crypto:BTC\/fiat:USD 0.0125 528.32 [0-9a-f]{16}$/,
  ],
  "tardis.csv": [{}, null, SPOT],
};

const isThere = existsSync(SAMPLES);
if (!isThere) console.warn("left out: the import of samples of formats, which are not part of the repository");

describe.skipIf(!isThere)("samples of formats", () => {
  test("are exactly the files that are known", () => {
    expect(readdirSync(SAMPLES).sort()).toEqual(Object.keys(FILES).sort());
  });

  test.each(Object.entries(FILES))("%s", async (name, [given, refused, row]) => {
    const content = readFileSync(`${SAMPLES}/${name}`);
    if (refused !== null) {
      const without = await importAs(name, content);
      expect(without).toMatchObject({ rows: [], bad: [], refused: [expect.stringContaining(refused)] });
    }
    if (row === null) return;
    const result = await importAs(name, content, given);
    expect(result).toMatchObject({ bad: [], refused: [] });
    expect(result.rows[0]).toEqual(typeof row === "string" ? row : expect.stringMatching(row));
  });
});
