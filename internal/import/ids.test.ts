import { hash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { runsOf } from "../../test/thoroughness.ts";
import { formatDecimal } from "../canonical/decimal.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { packageRoot } from "../lib/package-root.ts";
import { importFile } from "./import-file.ts";
import type { IdMode } from "./trade-id.ts";

const directory = mkdtempSync(join(tmpdir(), "ids-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Returns the trades that the import of a file writes, in the order of writing. */
async function importText(text: string, ids: IdMode) {
  const path = join(directory, "trades");
  writeFileSync(path, text);
  const rows: TradeRow[] = [];
  const result = await importFile(path, {
    ids,
    batchSize: 3,
    async write(batch) {
      rows.push(...batch);
      return { inserted: batch.length, known: 0, conflicting: [] };
    },
  });
  return { rows, end: result.end };
}

const idsOf = async (text: string, ids: IdMode) => (await importText(text, ids)).rows.map(({ tradeId }) => tradeId);

interface Row {
  readonly second: number;
  readonly source: string;
  readonly size: number;
  readonly id?: string;
}

const csv = (rows: readonly Row[]): string =>
  [
    "ts,source,pair,price,size,trade_id",
    ...rows.map(
      ({ second, source, size, id = "" }) => `2026-01-01T00:00:0${second}Z,${source},XLM/USD,0.25,${size},${id}`,
    ),
    "",
  ].join("\n");

const fileOf = fc.array(
  fc.record({
    second: fc.integer({ min: 0, max: 3 }),
    source: fc.constantFrom("kraken", "sdex"),
    size: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 30 },
);

/** Compares by the order of trades: time, source, length of the id, id. */
function inOrder(rows: readonly TradeRow[]): TradeRow[] {
  const keyOf = ({ ts, source, tradeId }: TradeRow) => `${ts} ${source} ${tradeId.length} ${tradeId}`;
  return [...rows].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

/** Returns the trades in the order of trades, with the place in the file instead of the id. */
function asInFile(rows: readonly Row[]): Row[] {
  const keyOf = ({ second, source }: Row) => `${second} ${source}`;
  return [...rows].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : Number(keyOf(one) > keyOf(other))));
}

/** Whether the times mostly decrease, which an import by place refuses. */
function isBackwards(rows: readonly Row[]): boolean {
  const steps = rows.slice(1).map(({ second }, index) => Math.sign(second - (rows[index]?.second ?? 0)));
  return steps.filter((step) => step < 0).length > 10 * steps.filter((step) => step > 0).length;
}

describe("ids by place", () => {
  test("keep the file's order among rows with the same timestamp, and are the same at each import", async () => {
    await fc.assert(
      fc.asyncProperty(fileOf, async (file) => {
        fc.pre(!isBackwards(file));
        const { rows } = await importText(csv(file), "place");
        const sizes = inOrder(rows).map(({ baseAmount }) => Number(formatDecimal(baseAmount)));
        expect(sizes).toEqual(asInFile(file).map(({ size }) => size));
        expect(new Set(rows.map(({ ts, source, tradeId }) => `${ts} ${source} ${tradeId}`)).size).toBe(file.length);
        expect(await idsOf(csv(file), "place")).toEqual(rows.map(({ tradeId }) => tradeId));
      }),
      { numRuns: runsOf(50) },
    );
  });

  test("of a part that ends between two timestamps are those of the whole file", async () => {
    await fc.assert(
      fc.asyncProperty(fileOf, fc.integer({ min: 0, max: 4 }), async (file, cut) => {
        const sorted = asInFile(file);
        const before = await idsOf(csv(sorted.filter(({ second }) => second < cut)), "place");
        const after = await idsOf(csv(sorted.filter(({ second }) => second >= cut)), "place");
        expect([...before, ...after]).toEqual(await idsOf(csv(sorted), "place"));
      }),
      { numRuns: runsOf(50) },
    );
  });

  test("do not change rows that have an id, or rows of other files", async () => {
    const [first, second] = [
      [
        { second: 1, source: "sdex", size: 1, id: "7" },
        { second: 1, source: "sdex", size: 2 },
      ],
      [
        { second: 1, source: "sdex", size: 3 },
        { second: 1, source: "sdex", size: 2 },
      ],
    ];
    const ids = [await idsOf(csv(first ?? []), "place"), await idsOf(csv(second ?? []), "place")];
    expect(ids[0]).toEqual(["7", expect.stringMatching(/^0000000001-/)]);
    expect(ids[1]).toEqual([expect.stringMatching(/^0000000001-/), expect.stringMatching(/^0000000002-/)]);
    expect(new Set(ids.flat()).size).toBe(4);
  });

  test("are refused for a file with its newest trades first, before anything is stored", async () => {
    const file = csv([3, 2, 2, 1].map((second) => ({ second, source: "sdex", size: second })));
    const { rows, end } = await importText(file, "place");
    expect(rows).toEqual([]);
    expect(end).toEqual({ kind: "refused", reason: expect.stringContaining("has its newest trades first") });
    expect((await importText(file, "hash")).rows).toHaveLength(4);
  });
});

describe("docs/import.md", () => {
  const text = readFileSync(join(packageRoot(), "docs", "import.md"), "utf8");
  const [, file = ""] = /```csv\n(.*?)```/s.exec(text) ?? [];
  const table = [...text.matchAll(/^\| \d \| `([0-9a-f-]+)` \| `([0-9a-f-]+)` \|$/gm)];

  test.each([
    ["hash", 1],
    ["place", 2],
  ] as const)("shows the ids that its example file gets by %s", async (ids, column) => {
    expect(table).toHaveLength(4);
    expect(await idsOf(file, ids)).toEqual(table.map((row) => row[column]));
  });

  test("shows the canonical rows that these ids are derived from", () => {
    const [, rows = ""] = /canonical rows, in its order,\n\n```\n(.*?)\n```/s.exec(text) ?? [];
    expect(rows.split("\n").map((row) => hash("sha256", row).slice(0, 16))).toEqual(
      table.map((row) => row[1]?.slice(0, 16)),
    );
  });
});
