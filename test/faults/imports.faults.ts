import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Decimal } from "decimal.js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatDecimal } from "../../internal/canonical/decimal.ts";
import { formatTime } from "../../internal/canonical/time.ts";
import type { TradeRow } from "../../internal/canonical/trade.ts";
import type { FiledRow } from "../../internal/import/batch-writer.ts";
import { importFile } from "../../internal/import/import-file.ts";
import { concurrently } from "../../internal/lib/concurrently.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
  testEngines,
} from "../../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../../internal/storage/trades/trades.ts";
import { runProgram } from "../program.ts";
import { count } from "./figures.ts";

const HALF = 500;
const PROCESSES = 24;
const COLUMNS = ["ts", "source", "base", "quote", "base_amount", "quote_amount", "trade_id"] as const;
type Row = Readonly<Record<(typeof COLUMNS)[number], string>>;

/** The source identifies the file of a row, so that the result of each file can be checked. */
let files = 0;

function goodRow(id: number): Row {
  const ts = new Date(Date.UTC(2026, 0, 1) + id * 1_000).toISOString();
  const amounts = { base_amount: `${id + 1}.5`, quote_amount: `${id + 2}.00000000000001` };
  return { ts, source: "kraken", base: "crypto:XLM", quote: "fiat:USD", ...amounts, trade_id: `t${id}` };
}

/** Each of these turns a valid row into one that violates the contract of docs/decoders.md. */
const BREAKS: readonly ((row: Row) => Partial<Row>)[] = [
  () => ({ ts: "yesterday" }),
  () => ({ ts: "2026-02-30T00:00:00Z" }),
  () => ({ ts: "2026-01-01T00:00:00" }),
  () => ({ ts: "" }),
  () => ({ source: "Kraken!" }),
  () => ({ source: "" }),
  () => ({ base: "crypto:" }),
  () => ({ base: "fiat:USD" }),
  () => ({ quote: "'; DROP TABLE trades; --" }),
  () => ({ base_amount: "0" }),
  () => ({ base_amount: "-1" }),
  () => ({ base_amount: "1e41" }),
  () => ({ base_amount: "NaN" }),
  () => ({ base_amount: "1_000" }),
  () => ({ quote_amount: "0x10" }),
  () => ({ quote_amount: `0.${"0".repeat(30)}1` }),
  () => ({ quote_amount: "Infinity" }),
  () => ({ quote_amount: "9".repeat(1_000) }),
  () => ({ trade_id: "a\u0000b" }),
  () => ({ trade_id: "x".repeat(257) }),
];

interface Plan {
  readonly isNdjson: boolean;
  readonly isPacked: boolean;
  /** The kind of damage per row; null for a valid one. */
  readonly rows: readonly (number | null)[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  isNdjson: fc.boolean(),
  isPacked: fc.boolean(),
  rows: fc
    .array(fc.option(fc.nat({ max: BREAKS.length - 1 }), { freq: 2 }), { minLength: 1, maxLength: 20 })
    .filter((rows) => rows.some((row) => row !== null)),
});

interface Made {
  readonly content: Buffer;
  readonly good: readonly Row[];
  readonly badLines: readonly number[];
}

function make({ isNdjson, isPacked, rows }: Plan, source: string): Made {
  const good: Row[] = [];
  const badLines: number[] = [];
  const lines = isNdjson ? [] : [COLUMNS.join(",")];
  for (const [id, broken] of rows.entries()) {
    const sound = { ...goodRow(id), source };
    const row = { ...sound, ...(broken === null ? {} : BREAKS[broken]?.(sound)) };
    lines.push(isNdjson ? JSON.stringify(row) : COLUMNS.map((column) => row[column]).join(","));
    if (broken === null) good.push(row);
    else badLines.push(lines.length);
  }
  const text = Buffer.from(`${lines.join("\n")}\n`);
  return { content: isPacked ? gzipSync(text) : text, good, badLines };
}

describe.each(testEngines.slice(-1))("malformed import files, on $name", (engine) => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-imports-"));
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(async () => {
    await database?.drop();
    rmSync(directory, { recursive: true });
  });

  it("have all valid rows stored unchanged, and each invalid one reported by its line", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (planned) => {
        const source = `file-${files++}`;
        const { content, good, badLines } = make(planned, source);
        const file = join(directory, "trades");
        writeFileSync(file, content);
        const bad: { line: number; reason: string }[] = [];
        const write = (rows: readonly FiledRow[]) => writeTrades(database, rows);
        const { end } = await importFile(file, { write, onBadRow: (row) => bad.push(row) });
        expect(end).toEqual({ kind: "complete" });
        expect(bad.map(({ line }) => line)).toEqual(badLines);
        for (const { reason } of bad) expect(reason).toMatch(/\w+ \w+/);
        expect(await storedOf(source)).toEqual(good.map(comparable).sort());
        count("files");
        count("rows", good.length);
        count("badRows", bad.length);
      }),
      { numRuns: HALF, seed: 20_261_121, endOnFailure: true },
    );
  });

  it("with damaged bytes yield only rows of the file, and none that the database refuses", async () => {
    const damage = fc.array(
      fc.record({
        place: fc.double({ min: 0, max: 1, noNaN: true }),
        bytes: fc.uint8Array({ maxLength: 6 }),
        cut: fc.nat(9),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(plan, damage, async (planned, damages) => {
        const { content } = make(planned, `file-${files++}`);
        const damaged = damages.reduce((bytes, each) => {
          const place = Math.floor(each.place * bytes.length);
          // A quote could shift columns, which the simple parser below does not handle.
          const added = Buffer.from(each.bytes.filter((byte) => byte !== 0x22));
          return Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place + each.cut)]);
        }, content);
        const file = join(directory, "damaged");
        writeFileSync(file, damaged);
        const written: TradeRow[] = [];
        const { end } = await importFile(file, {
          write: async (rows) => {
            const outcome = await writeTrades(database, rows);
            written.push(...rows);
            return outcome;
          },
        });
        expect(["complete", "refused", "broken"]).toContain(end.kind);
        if (!planned.isPacked) {
          const readings = plainReadings(damaged.toString("utf8"));
          for (const row of written) expect(readings).toContain(plain(row));
        }
        count("files");
      }),
      { numRuns: HALF, seed: 20_261_122, endOnFailure: true },
    );
  });

  it.skipIf(serverTestEngine === null)("are processed by `import` without a stack trace", async () => {
    const environment = { STELLARINDEX_DATABASE_URL: database.url, STELLARINDEX_DATABASE_TIMESCALEDB: "off" };
    const plans = fc.sample(plan, { numRuns: PROCESSES, seed: 42 });
    await concurrently(plans.entries(), 3, new AbortController().signal, async ([index, planned]) => {
      const source = `process-${index}`;
      const { content, good, badLines } = make(planned, source);
      const file = join(directory, `file-${index}`);
      writeFileSync(file, content);
      const { status, out, err } = await runProgram(["import", file], environment);
      // A file without a usable row is probably the wrong file.
      expect(status, err).toBe(good.length === 0 && badLines.length > 0 ? 1 : 0);
      expect(out).toContain(`${good.length} new, 0 duplicates, 0 conflicting, ${badLines.length} bad`);
      for (const line of badLines) expect(err).toContain(`${file}:${line}: `);
      expect(err).not.toMatch(/^\s+at /m);
      expect(await storedOf(source)).toEqual(good.map(comparable).sort());
      count("files");
      count("rows", good.length);
      count("badRows", badLines.length);
    });
  });

  async function storedOf(source: string): Promise<string[]> {
    const rows = await database.sql<Record<string, string>[]>`
      SELECT to_char(ts, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS ts, source, base_asset, quote_asset,
        trim_scale(base_amount)::text AS base_amount, trim_scale(quote_amount)::text AS quote_amount, trade_id
      FROM trades WHERE source = ${source}`;
    return rows.map((row) => Object.values(row).join(" ")).sort();
  }
});

function comparable({ ts, source, base, quote, base_amount, quote_amount, trade_id }: Row): string {
  const second = ts.replace(".000Z", "Z");
  return [second, source, base, quote, base_amount, quote_amount, trade_id].join(" ");
}

function plain({ ts, source, base, quote, baseAmount, quoteAmount, tradeId }: TradeRow): string {
  const time = Date.parse(formatTime(ts));
  return [time, source, base, quote, formatDecimal(baseAmount), formatDecimal(quoteAmount), tradeId].join(" ");
}

/** Parses each line without the program's code. Names and times are compared as far as both parsers know them. */
function plainReadings(text: string): string[] {
  const [header = "", ...rest] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const names = header.split(",").map((name) => name.trim());
  const tables = header.trimStart().startsWith("{")
    ? [header, ...rest].map(parsed)
    : rest.map((line) => table(names, line));
  return tables.flatMap((fields) => {
    if (fields === null) return [];
    const value = (name: string): string => String(fields[name] ?? "").trim();
    const amount = (name: string): string => {
      try {
        return new Decimal(value(name)).toFixed();
      } catch {
        return "?";
      }
    };
    const [base, quote] = [amount("base_amount"), amount("quote_amount")];
    const time = Date.parse(value("ts").replace(" ", "T"));
    return [time, value("source"), value("base"), value("quote"), base, quote, value("trade_id")].join(" ");
  });
}

function table(names: readonly string[], line: string): Record<string, unknown> {
  return Object.fromEntries(line.split(",").map((value, index) => [names[index], value]));
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
