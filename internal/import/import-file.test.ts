import { appendFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { formatPair } from "../canonical/pair.ts";
import type { FiledRow } from "./batch-writer.ts";
import type { BadRow } from "./file-kind.ts";
import { type ImportOptions, importFile } from "./import-file.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "import-test-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A store that keeps the first version of a trade, like the database. */
function createStore() {
  const rows = new Map<string, FiledRow>();
  const write: ImportOptions["write"] = async (batch) => {
    const conflicting: FiledRow[] = [];
    let inserted = 0;
    for (const row of batch) {
      const key = [formatPair(row), row.ts, row.source, row.tradeId].join("|");
      const stored = rows.get(key);
      if (stored === undefined) {
        rows.set(key, row);
        inserted += 1;
      } else if (!stored.baseAmount.eq(row.baseAmount) || !stored.quoteAmount.eq(row.quoteAmount)) {
        conflicting.push(row);
      }
    }
    return { inserted, known: batch.length - inserted, conflicting };
  };
  return { rows, write, ids: () => [...rows.values()].map((row) => row.tradeId) };
}

async function importText(content: string | Buffer, options: Partial<ImportOptions> = {}) {
  const store = createStore();
  const badRows: BadRow[] = [];
  const path = join(directory, "trades");
  writeFileSync(path, content);
  const result = await importFile(path, { write: store.write, onBadRow: (row) => badRows.push(row), ...options });
  return { ...result, store, badRows, path };
}

const HEADER = "ts,venue,base,quote,price,size,trade_id";
const csv = (...rows: string[]): string => `${[HEADER, ...rows].join("\n")}\n`;
const row = (id: number | string, size = "1"): string => `2026-08-09T21:04:35Z,kraken,XLM,USD,0.25,${size},${id}`;
const numbered = (count: number): string => csv(...Array.from({ length: count }, (_, index) => row(index)));

describe("importFile", () => {
  test.each<[string, string | Buffer]>([
    ["CSV", csv(row(1), row(2))],
    [
      "CSV with a byte order mark, CRLF, quotes and empty lines",
      `\uFEFF${csv(row(1), "", row('"2"'))}`.replaceAll("\n", "\r\n"),
    ],
    ["gzip", gzipSync(csv(row(1), row(2)))],
    ["gzip of several members", Buffer.concat([gzipSync(csv(row(1))), gzipSync(`${row(2)}\n`)])],
    [
      "NDJSON",
      [1, 2]
        .map(
          (id) =>
            `{"ts":"2026-08-09T21:04:35Z","source":"kraken","pair":"XLM/USD","price":0.25,"size":1,"trade_id":${id}}`,
        )
        .join("\n"),
    ],
  ])("imports %s", async (_, content) => {
    const result = await importText(content);
    expect(result).toMatchObject({ new: 2, known: 0, conflicting: 0, bad: 0, end: { kind: "complete" } });
    expect(result.store.ids()).toEqual(["1", "2"]);
  });

  test.each<[string, string]>([
    ["a spreadsheet's sep=, line", `sep=,\n${csv(row(1), row(2))}`],
    ["a header in different case", csv(row(1), row(2)).replace(HEADER, "TS,Venue, BASE ,Quote,Price,Size,Trade_ID")],
    [
      "NDJSON keys in different case",
      [1, 2]
        .map(
          (id) =>
            `{"TS":"2026-08-09T21:04:35Z","Source":"kraken","Pair":"XLM/USD","Price":1,"Size":1,"Trade_Id":${id}}`,
        )
        .join("\n"),
    ],
  ])("accepts %s", async (_, content) => {
    const result = await importText(content);
    expect(result).toMatchObject({ new: 2, bad: 0, end: { kind: "complete" } });
    expect(result.store.ids()).toEqual(["1", "2"]);
  });

  test("prefers the column whose name matches exactly to one in different case", async () => {
    const result = await importText(csv(`${row(1)},x`, `${row(2)},y`).replace(HEADER, `${HEADER},TRADE_ID`));
    expect(result.store.ids()).toEqual(["1", "2"]);
  });

  test("counts messages before the first row of a recorded stream as bad rows", async () => {
    const trade = (id: string): string =>
      `{"ts":"2026-08-09T21:04:35Z","source":"kraken","pair":"XLM/USD","price":1,"size":1,"trade_id":"${id}"}`;
    const before = ['{"type":"heartbeat"}', "", '{"cut off', "connected"];
    const result = await importText([...before, trade("1"), before[0], trade("2")].join("\n"));
    expect(result).toMatchObject({ new: 2, bad: 4, end: { kind: "complete" } });
    expect(result.badRows.map(({ line }) => line)).toEqual([1, 3, 4, 6]);
    expect(result.badRows[0]?.reason).toMatch(/^lacks the columns ts; .* It has: type$/);
    // This also holds if ids are derived, for which the file is read twice.
    const withoutIds = await importText([...before, trade(""), trade("")].join("\n"));
    expect(withoutIds).toMatchObject({ new: 2, bad: 3, end: { kind: "complete" } });
  });

  test("skips bad rows and reports their lines and reasons", async () => {
    const result = await importText(csv(row(1), row(2, "0"), "", row(3).replace("0.25", "-1"), 'x,"y', row(4), "1,2"));
    expect(result).toMatchObject({ new: 2, bad: 4, end: { kind: "complete" } });
    expect(result.badRows).toEqual([
      { line: 3, reason: "size is 0, but has to be above 0" },
      { line: 5, reason: "price is -1, but has to be above 0" },
      { line: 6, reason: "has a quote that is not closed on the same line" },
      { line: 8, reason: "has 2 columns where the header has 7" },
    ]);
  });

  test("explains the likely cause of a bad line that may contain many rows", async () => {
    const text = csv(row(1), `${row(2)}\r${row(3)}`, `\0${row(4)}`, "\0".repeat(100_000));
    const result = await importText(Buffer.concat([Buffer.from(text), gzipSync(numbered(3))]));
    expect(result).toMatchObject({ new: 1, end: { kind: "complete" } });
    const [joined, ...others] = result.badRows.map(({ reason }) => reason);
    expect(joined).toMatch(
      /; it contains a CR, as in files whose lines end with CR alone: tr '\\r' '\\n' < FILE > trades\.csv$/,
    );
    expect(others.length).toBeGreaterThanOrEqual(3);
    for (const reason of others) expect(reason).toMatch(/; it has bytes that are not text .*: rows may be missing$/);
  });

  test("counts duplicates and conflicting duplicates", async () => {
    const result = await importText(csv(row(1), row(1), row(1, "2"), row(2)), { batchSize: 1 });
    expect(result).toMatchObject({ new: 2, known: 2, conflicting: 1 });
    expect(result.conflicts.map((conflict) => conflict.tradeId)).toEqual(["1"]);
  });

  test("derives an id for rows without one, the same at every import", async () => {
    const rows = [row(""), row("", "2"), row(7), row(""), row("", "1.0")];
    const first = await importText(csv(...rows), { batchSize: 2 });
    const id = first.store.ids()[0];
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(first).toMatchObject({ new: 5, known: 0, bad: 0 });
    expect(first.store.ids().toSpliced(1, 1)).toEqual([id, "7", `${id}-2`, `${id}-3`]);
    const again = await importFile(first.path, { write: first.store.write });
    expect(again).toMatchObject({ new: 0, known: 5, conflicting: 0 });
  });

  test("numbers identical rows like a Map", async () => {
    const file = fc.array(fc.record({ size: fc.integer({ min: 1, max: 4 }), id: fc.constantFrom("", "a", "b") }));
    await fc.assert(
      fc.asyncProperty(file, async (rows) => {
        const written: string[] = [];
        await importText(csv(...rows.map(({ size, id }) => row(id, `${size}`))), {
          batchSize: 3,
          async write(batch) {
            written.push(...batch.map((trade) => trade.tradeId));
            return { inserted: batch.length, known: 0, conflicting: [] };
          },
        });
        const seen = new Map<number, number>();
        const suffixes = rows.map(({ size, id }) => {
          if (id !== "") return id;
          seen.set(size, (seen.get(size) ?? 0) + 1);
          return seen.get(size) === 1 ? "" : `-${seen.get(size)}`;
        });
        expect(written.map((id) => id.replace(/^[0-9a-f]{16}/, ""))).toEqual(suffixes);
      }),
      { numRuns: 50 },
    );
  });

  test("removes its files from the temporary directory", async () => {
    // A separate directory, since other imports may run on the machine.
    vi.stubEnv("TMPDIR", directory);
    const write = () => Promise.reject(new Error("no database"));
    await importText(csv(row("")));
    await importText(csv(row("")), { write });
    await importText(gzipSync(csv(row(""), row(""))).subarray(0, -8));
    vi.unstubAllEnvs();
    expect(readdirSync(directory)).toEqual(["trades"]);
  });

  test("imports the complete rows of a truncated gzip file", async () => {
    const content = Array.from({ length: 40_000 }, (_, index) => row(index * 7919, `1.${index * 104_729}`));
    const whole = gzipSync(csv(...content));
    const result = await importText(whole.subarray(0, whole.length >> 1));
    expect(result.end).toMatchObject({ kind: "broken", reason: expect.stringContaining("is truncated") });
    expect(result.bad).toBe(0);
    expect(result.new).toBeGreaterThan(10_000);
    const last = result.store.ids().length - 1;
    expect(result.store.ids()[last]).toBe(`${last * 7919}`);
    const complete = await importText(whole.subarray(0, -1));
    expect(complete).toMatchObject({ new: 40_000, end: { kind: "broken" } });
  });

  test.each<[string, id: (index: number) => string, change: (path: string) => void]>([
    ["grows", String, (path) => appendFileSync(path, row(5000, "12").slice(0, -6))],
    ["is truncated", String, (path) => truncateSync(path, 200_001)],
    [
      "grows and has no ids",
      () => "",
      (path) => appendFileSync(path, `${row("", "3")}\n${row("", "12").slice(0, -2)}`),
    ],
    ["is truncated and has no ids", () => "", (path) => truncateSync(path, 200_001)],
  ])("reports a file that %s while it is read, and imports no partial row", async (_, id, change) => {
    let isChanged = false;
    const rows = Array.from({ length: 5000 }, (_, index) => row(id(index), "123"));
    const result = await importText(csv(...rows), {
      onProgress() {
        if (!isChanged) change(join(directory, "trades"));
        isChanged = true;
      },
    });
    expect(result.end).toMatchObject({ kind: "broken", reason: expect.stringContaining("changed while it was read") });
    expect(result.bad).toBe(0);
    for (const { baseAmount } of result.store.rows.values()) expect(["123", "3"]).toContain(baseAmount.toFixed());
  });

  test("reports damaged gzip data", async () => {
    const bytes = gzipSync(numbered(50_000));
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 100);
    const result = await importText(bytes);
    expect(result.end).toMatchObject({ kind: "broken", reason: expect.stringContaining("is damaged") });
    expect(result.new).toBeGreaterThan(0);
  });

  test.each([
    ["ignores zeros", 0, "complete"],
    ["reports garbage", 1, "broken"],
  ])("%s behind the end of gzip data", async (_, byte, kind) => {
    for (const length of [1, 100, 300_000]) {
      const result = await importText(Buffer.concat([gzipSync(numbered(3)), Buffer.alloc(length, byte)]));
      expect(result.end.kind).toBe(kind);
      if (result.end.kind === "broken" && length > 1) expect(result.end.reason).toContain("gzip -dc FILE > trades.csv");
    }
  });

  test.each<[string, string | Buffer, string]>([
    ["an empty file", "", "is empty"],
    ["an empty gzip file", gzipSync(""), "is empty"],
    ["HTML", "<!DOCTYPE html>\n<p>404, not found</p>\n", "looks like HTML"],
    ["binary data", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 2, 0xff]), "is binary"],
    ["a zip archive", Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 1, 2, 0xff]), "unzip -p FILE > trades.csv"],
    ["a zip archive in gzip", gzipSync(Buffer.from([0x50, 0x4b, 3, 4, 0])), "is a zip archive"],
    ["gzip in gzip", gzipSync(gzipSync(csv(row(1)))), "gzip twice: gzip -dc FILE > trades.csv.gz"],
    ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), "xz -dc FILE > trades.csv"],
    ["zstd", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]), "zstd -dc FILE > trades.csv"],
    ["bzip2", "BZh91AY&SY\0\0", "bzip2 -dc FILE > trades.csv"],
    ["a tar archive", gzipSync(`trades.csv${"\0".repeat(247)}ustar\0`), "tar xf FILE"],
    [
      "an empty zip archive",
      Buffer.from([0x50, 0x4b, 5, 6, ...Array(18).fill(0)]),
      "a zip archive without a file in it",
    ],
    ...["\uFEFF", ""].flatMap((mark): [string, Buffer, string][] => {
      const text = `${mark}${csv(row(1))}`;
      const utf32 = Buffer.from([...text].flatMap((letter) => [...Buffer.from(letter, "utf16le"), 0, 0]));
      const cure = (encoding: string) =>
        `is in ${encoding.slice(0, 6)}: iconv -f ${encoding} -t UTF-8 FILE > trades.csv`;
      return [
        [`UTF-16LE, mark ${mark !== ""}`, Buffer.from(text, "utf16le"), cure("UTF-16LE")],
        [`UTF-16BE, mark ${mark !== ""}`, Buffer.from(text, "utf16le").swap16(), cure("UTF-16BE")],
        [`UTF-32LE, mark ${mark !== ""}`, utf32, cure("UTF-32LE")],
        [`UTF-32BE, mark ${mark !== ""}`, Buffer.from(utf32).swap32(), cure("UTF-32BE")],
      ];
    }),
    ["lines that end with CR only", csv(row(1)).replaceAll("\n", "\r"), "tr '\\r' '\\n' < FILE > trades.csv"],
    ["a sep=; line", `sep=;\n${csv(row(1)).replaceAll(",", ";")}`, 'separated by ";"; export it with'],
    ["a file without a header", `${row(1)}\n${row(2)}\n`, "looks like a row, not like a header: put one above it"],
    ["a venue's rows without a header", "1315922016,5.8,1.0\n", "such as ts,source,base,quote,price,size"],
    ["a JSON array", '[{"ts":1}]', "looks like a JSON array: jq -c '.[]' FILE > trades.ndjson"],
    ["JSON over several lines", '{\n"ts":1}', "not one whole JSON object on one line; jq -c . FILE makes such lines"],
    ["JSON objects with commas between them", '{"ts":1},\n{"ts":2}\n', "sed 's/,$//' FILE > trades.ndjson"],
    ["only heartbeats", '{"type":"heartbeat"}\n'.repeat(500), "lacks the columns ts; source (or venue)"],
    ["CSV without a required column", csv(row(1)).replace("size", "volume"), "price and size"],
    ["rates", "date,base,quote,rate\n", "lacks the columns ts; source (or venue); price and size"],
    ["prose", "Dear all,\nplease find the trades attached\n", "lacks the columns ts; source (or venue)"],
  ])("refuses %s", async (_, content, reason) => {
    const result = await importText(content);
    expect(result).toMatchObject({ new: 0, bad: 0, end: { kind: "refused", reason: expect.stringContaining(reason) } });
  });

  test("names the fix if ids are needed and the temporary directory is not writable", async () => {
    vi.stubEnv("TMPDIR", join(directory, "absent"));
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await importText(csv(row(1)))).end.kind).toBe("complete");
    const result = await importText(csv(row("")));
    expect(result).toMatchObject({ new: 0, end: { kind: "refused" } });
    expect(result.end).toMatchObject({
      reason: expect.stringMatching(/ENOENT.*; set TMPDIR to a directory with enough space$/),
    });
  });

  test("reports files that cannot be read", async () => {
    const { write } = createStore();
    const absent = await importFile(join(directory, "absent"), { write });
    expect(absent.end).toMatchObject({ kind: "broken", reason: expect.stringContaining("ENOENT") });
    for (const [path, reason] of [
      [directory, "is a directory; name the files in it"],
      ["/dev/null", "is a pipe or a device; write it to a file first: COMMAND > trades.csv"],
    ] as const) {
      expect((await importFile(path, { write })).end).toEqual({ kind: "refused", reason });
    }
  });

  test("reports the rows that were stored before the database failed", async () => {
    const store = createStore();
    let writes = 0;
    const result = await importText(numbered(100), {
      batchSize: 10,
      async write(batch) {
        writes += 1;
        if (writes === 4) throw new Error("connection lost");
        return store.write(batch);
      },
    });
    // The batch in flight after the failed one is stored and counted; no further one is started.
    expect(result).toMatchObject({ new: 40, end: { kind: "failed", reason: "connection lost" } });
    expect(writes).toBe(5);
  });

  test("waits for the batch in flight after the failed one, and counts it", async () => {
    const store = createStore();
    let stored = false;
    const result = await importText(numbered(20), {
      batchSize: 10,
      async write(batch) {
        if (store.rows.size === 0 && !stored) {
          stored = true;
          throw new Error("connection lost");
        }
        await new Promise((resolve) => setImmediate(resolve));
        return store.write(batch);
      },
    });
    expect(result).toMatchObject({ new: 10, end: { kind: "failed", reason: "connection lost" } });
    expect(store.rows.size).toBe(10);
  });

  test("has two batches in flight, in order, while it reads the next", async () => {
    const store = createStore();
    let inFlight = 0;
    let most = 0;
    const result = await importText(numbered(500), {
      batchSize: 7,
      async write(batch) {
        expect(batch.length).toBeLessThanOrEqual(7);
        most = Math.max(most, ++inFlight);
        await new Promise((resolve) => setTimeout(resolve, 1));
        inFlight -= 1;
        return store.write(batch);
      },
    });
    expect(result.new).toBe(500);
    expect([most, inFlight]).toEqual([2, 0]);
  });

  test.each([
    ["with", numbered],
    ["without", (count: number) => numbered(count).replaceAll(/,\d+$/gm, ",")],
  ])("stores the rows that it has read when it is interrupted, %s ids", async (_, file) => {
    const interruption = new AbortController();
    const store = createStore();
    const result = await importText(file(20_000), {
      signal: interruption.signal,
      async write(batch) {
        interruption.abort();
        return store.write(batch);
      },
    });
    expect(result.end).toEqual({ kind: "interrupted" });
    expect(result.new).toBe(store.rows.size);
    expect(result.new).toBeGreaterThanOrEqual(2000);
    expect(result.new).toBeLessThan(20_000);
  });

  test.each([
    ["once", numbered(5000), 1],
    ["twice without ids", csv(row("")), 2],
  ])("reports progress by the bytes of the file, read %s", async (_, content, passes) => {
    const seen: [read: number, total: number][] = [];
    const bytes = gzipSync(content);
    await importText(bytes, { onProgress: (read, total) => seen.push([read, total]) });
    expect(seen.at(-1)).toEqual([passes * bytes.length, passes * bytes.length]);
  });
});
