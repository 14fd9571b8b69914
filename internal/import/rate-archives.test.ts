import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { formatPair } from "../canonical/pair.ts";
import type { BadRow } from "./file-kind.ts";
import { importFile } from "./import-file.ts";
import { rateFile } from "./rate-row.ts";

const ARCHIVES = fileURLToPath(new URL("../../../shared/data/fx", import.meta.url));
const PAIRS = ["AUD", "CAD", "CHF", "GBP", "JPY", "KRW", "USD"].map((code) => `fiat:EUR/fiat:${code}`);
const DAYS = 3909;

const isThere = existsSync(ARCHIVES);
if (!isThere) console.warn("left out: the import of real exchange rates, which are not part of the repository");

describe.skipIf(!isThere)("real exchange rates", () => {
  test("are parsed to the last row", async () => {
    const bad: BadRow[] = [];
    const daysOf = new Map(PAIRS.map((pair) => [pair, new Set<string>()]));
    const [file, ...more] = readdirSync(ARCHIVES);
    expect(more).toEqual([]);
    const result = await importFile(`${ARCHIVES}/${file}`, {
      kind: rateFile("ecb"),
      async write(batch) {
        for (const row of batch) daysOf.get(formatPair(row))?.add(row.tradeId);
        return { inserted: batch.length, known: 0, conflicting: [] };
      },
      onBadRow: (row) => bad.push(row),
    });
    expect(bad).toEqual([]);
    expect(result).toMatchObject({ new: PAIRS.length * DAYS, end: { kind: "complete" } });
    expect([...daysOf.values()].map((days) => days.size)).toEqual(PAIRS.map(() => DAYS));
  });
});
