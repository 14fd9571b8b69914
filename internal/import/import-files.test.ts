import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseAsset } from "../canonical/asset.ts";
import { spellingsOf } from "../canonical/known-assets.ts";
import { parseTime, seconds } from "../canonical/time.ts";
import type { Write } from "./batch-writer.ts";
import { type ImportFilesOptions, importFiles } from "./import-files.ts";
import { TRADE_FILE } from "./trade-row.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "import-test-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const storeAll: Write = async (batch) => ({ inserted: batch.length, known: 0, conflicting: [] });

async function run(contents: Record<string, string>, options: Partial<ImportFilesOptions> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const shorten = (line: string): string => line.replaceAll(`${directory}/`, "");
  const paths = Object.entries(contents).map(([name, content]) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  });
  const ok = await importFiles(paths, {
    write: storeAll,
    kind: TRADE_FILE,
    print: (line) => void out.push(shorten(line)),
    progress: { start() {}, update() {}, stop() {}, log: (line) => void err.push(shorten(line)) },
    ...options,
  });
  return { ok, out, err };
}

const file = (...sizes: number[]): string =>
  `ts,venue,pair,price,size,trade_id\n${sizes.map((size, id) => `2026-01-01T00:00:00Z,sdex,XLM/USD,1,${size},${id}\n`).join("")}`;

test("reports each file and the totals, and continues after an unusable file", async () => {
  expect(await run({ a: file(1, 0, 2), b: "<html>", c: file(3) })).toEqual({
    ok: false,
    out: [
      "a: 2 new, 0 duplicates, 0 conflicting, 1 bad",
      "b: 0 new, 0 duplicates, 0 conflicting, 0 bad",
      "c: 1 new, 0 duplicates, 0 conflicting, 0 bad",
      "total: 3 new, 0 duplicates, 0 conflicting, 1 bad",
    ],
    err: [
      "a:3: size is 0, but has to be above 0",
      expect.stringContaining("b: not imported: looks like HTML or XML"),
      "bad rows skipped: 1",
    ],
  });
});

test("succeeds in spite of bad rows, and shows the first 20 of a file", async () => {
  const { ok, err } = await run({ a: file(...Array(50).fill(0), 1) });
  expect(ok).toBe(true);
  expect(err).toHaveLength(22);
  expect(err.slice(-3)).toEqual([
    "a:21: size is 0, but has to be above 0",
    "a: further bad rows are only counted",
    "bad rows skipped: 50",
  ]);
});

test("fails if a file has only bad rows, and continues after it", async () => {
  const { ok, out, err } = await run({ a: file(0), b: file(1) });
  expect(ok).toBe(false);
  expect(out).toHaveLength(3);
  expect(err).toEqual([
    "a:2: size is 0, but has to be above 0",
    "a: none of its rows can be used",
    "bad rows skipped: 1",
  ]);
});

test("succeeds for a file without trades, and says so", async () => {
  for (const content of [file(), `sep=,\n${file()}\n\n`]) {
    expect(await run({ a: content })).toEqual({
      ok: true,
      out: ["a: 0 new, 0 duplicates, 0 conflicting, 0 bad"],
      err: ["a: has no rows below its header"],
    });
  }
});

test("reports for each market that is stored inverted the rows, what is stored, and what to do", async () => {
  const rows = Array.from({ length: 25 }, (_, index) => `2026-01-01T00:00:00Z,sdex,T${index}/XLM,1,1,\n`.repeat(3));
  const from = parseTime("2026-01-01T00:00:00Z");
  const { ok, out, err } = await run(
    { a: `${file(1)}${rows.join("")}` },
    {
      write: async (batch) => ({ inserted: 1, known: 0, conflicting: [], inverted: batch.slice(1) }),
      storedInverse: async ({ base, quote, source }) =>
        base === "crypto:T0"
          ? [{ base: quote, quote: base, source, tradeCount: 7n, from, to: from + seconds(3600) }]
          : [],
    },
  );
  expect(ok).toBe(true);
  expect(out).toEqual(["a: 1 new, 0 duplicates, 0 conflicting, 75 bad"]);
  expect(err).toHaveLength(22);
  expect(err[0]).toBe(
    "a: not stored, 3 rows of crypto:T0/crypto:XLM at sdex, the first on line 3: this market is stored " +
      "in the inverse orientation " +
      "(as crypto:XLM/crypto:T0, 7 of its trades, from the hour of 2026-01-01T00:00:00Z on), and a market has one orientation " +
      "(docs/decoders.md). If the file is wrong, swap base and quote, and their amounts; if the stored trades are wrong, delete " +
      "them and import again: stellarindex trades delete --pair crypto:XLM/crypto:T0 --source sdex " +
      "--from 2026-01-01T00:00:00Z --to 2026-01-01T01:00:00Z --dry-run",
  );
  expect(err[1]).toMatch(
    / of crypto:T1\/crypto:XLM at sdex, the first on line 6: .* swap base and quote, and their amounts$/,
  );
  expect(err[20]).toBe("a: and rows of 5 further markets that are stored in the inverse orientation");
});

test("names the first 5 trades that are stored with different amounts", async () => {
  const { ok, out, err } = await run(
    { a: file(1, 2, 3, 4, 5, 6, 7) },
    { write: async (batch) => ({ inserted: 0, known: batch.length, conflicting: batch }) },
  );
  expect(ok).toBe(true);
  expect(out).toEqual(["a: 0 new, 7 duplicates, 7 conflicting, 0 bad"]);
  expect(err).toHaveLength(6);
  expect(err[0]).toBe(
    "a: line 2 is stored with other amounts: 2026-01-01T00:00:00Z sdex crypto:XLM/fiat:USD trade 0; the file says 1 for 1",
  );
  expect(err[5]).toBe("a: and 2 more stored with other amounts");
});

test("names the pairs that differ from known ones only in case, with their number of rows", async () => {
  const rows = (pair: string, count: number): string => `2026-01-01T00:00:00Z,sdex,${pair},1,1,\n`.repeat(count);
  const header = "ts,venue,pair,price,size,trade_id\n";
  const many = Array.from({ length: 25 }, (_, index) => rows(`T${index}/usd`, 2)).join("");
  const { ok, err } = await run({
    a: header + rows("xrp/eth", 12) + rows("XRP/ETH", 5) + rows("NATIVE/USD", 1) + rows("yUSDC/mxne", 2),
    b: header + many,
  });
  expect(ok).toBe(true);
  expect(err.slice(0, 3)).toEqual([
    "a: 12 rows of crypto:xrp/crypto:eth: did you mean crypto:XRP/crypto:ETH?",
    "a: 1 row of crypto:NATIVE/fiat:USD: did you mean native/fiat:USD?",
    "a: 2 rows of crypto:yUSDC/crypto:mxne: did you mean crypto:yUSDC/crypto:MXNe?",
  ]);
  expect(err[3]).toBe("b: 2 rows of crypto:T0/crypto:usd: did you mean crypto:T0/fiat:USD?");
  expect(err.slice(22)).toEqual([
    "b: 2 rows of crypto:T19/crypto:usd: did you mean crypto:T19/fiat:USD?",
    "b: and 10 rows of other pairs in such a spelling",
  ]);
});

test("names rows whose assets differ from configured ones only in case", async () => {
  const text =
    "ts,venue,base,quote,price,size\n2026-01-01T00:00:00Z,sdex,XLM,usd,1,1\n2026-01-01T00:00:00Z,sdex,foo,Usd,1,1\n";
  const { err } = await run({ a: text }, { spellings: spellingsOf([parseAsset("FOO")]) });
  expect(err).toEqual([
    "a: 1 row of crypto:XLM/crypto:usd: did you mean crypto:XLM/fiat:USD?",
    "a: 1 row of crypto:foo/crypto:Usd: did you mean crypto:FOO/fiat:USD?",
  ]);
});

test.each<[code: string, words: RegExp]>([
  ["CONNECTION_CLOSED", /^a: could not be stored: gone\. Run it again to continue/],
  ["57P01", /^a: could not be stored: gone\. Run it again to continue/],
  ["40P01", /^a: could not be stored: gone\. Run it again to continue/],
  ["53100", /^a: could not be stored: gone\. Run it again to continue/],
  ["42501", /^a: could not be stored: gone\. The role of .* the URL of the owner .*\. Rows stored before that remain$/],
  ["25006", /^a: could not be stored: gone\. The role of .* the URL of the owner .*\. Rows stored before that remain$/],
  ["23514", /^a: could not be stored: gone\. Rows stored before that remain$/],
])("stops if the database fails with %s, and advises another run only if that helps", async (code, words) => {
  const write = () => Promise.reject(Object.assign(new Error("gone"), { code }));
  const { ok, out, err } = await run({ a: file(1), b: file(1) }, { write });
  expect(ok).toBe(false);
  expect(out).toHaveLength(2);
  expect(err).toEqual([expect.stringMatching(words), "files not imported yet: b"]);
});

test("stops when it is interrupted", async () => {
  const { ok, err } = await run({ a: file(1), b: file(1) }, { signal: AbortSignal.abort() });
  expect(ok).toBe(false);
  expect(err).toEqual([expect.stringContaining("a: interrupted; run it again"), "files not imported yet: b"]);
});
