import fc from "fast-check";
import { expect, test } from "vitest";
import { TIME_UNITS, type TimeUnit } from "../../canonical/epoch.ts";
import { parsePair } from "../../canonical/pair.ts";
import { TRADE_FILE } from "../trade-row.ts";
import { columnsOf } from "./format.ts";
import { FORMATS } from "./list.ts";
import { openFormat } from "./reading.ts";
import { parseZone } from "./zone.ts";

test.each(FORMATS.map((format) => [format.name, format] as const))("%s throws only input errors", (_, format) => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.bigInt({ min: 0n, max: 10n ** 21n }).map(String),
    fc.double().map(String),
    fc.constantFrom(
      "1e9999",
      "native",
      "credit_alphanum4",
      "USDC",
      "BTC/USD",
      "BTCUSDT",
      "2026-01-02 03:04:05",
      "kraken",
    ),
  );
  const record = fc.record(Object.fromEntries(columnsOf(format).map((column) => [column, text])), { requiredKeys: [] });
  const given = fc.record(
    {
      timeUnit: fc.constantFrom(...(Object.keys(TIME_UNITS) as TimeUnit[])),
      zone: fc.constant(parseZone("Europe/Berlin")),
      pair: fc.constant(parsePair("XLM/USD")),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 2 }), given, (records, given) => {
      try {
        const file = { names: [], has: () => true, nameOf: (column: string) => column };
        const { read } = openFormat(format, { source: "mine", ...given }, file);
        for (const each of records) TRADE_FILE.readRow(read(each));
      } catch (error) {
        expect(["InputError", "SkippedRow"]).toContain((error as Error).name);
      }
    }),
  );
});
