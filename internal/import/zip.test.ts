import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { makeZip } from "../lib/zip.testing.ts";
import { importAs } from "./formats/formats.testing.ts";

const SPOT = "BTCUSDT-trades-2024-12-31.csv";
const spot = (id: number, time = "1735603200123"): string => `${id},2,3,6,${time},True,True`;

describe("zip archives", () => {
  const entry = { name: SPOT, content: `${spot(1)}\n${spot(2)}\n` };

  test("with several files are several inputs, and hidden ones are none", async () => {
    const archive = makeZip([
      { name: "data/", content: "" },
      { name: `data/${entry.name}`, content: entry.content },
      { name: "__MACOSX/data/._x.csv", content: "\0" },
      { name: "data/BTCUSDT-trades-2024-12-30.csv.gz", content: gzipSync(`${spot(3, "1735516800123")}\n`) },
    ]);
    const { rows, refused } = await importAs("all.zip", archive);
    expect(refused).toEqual([]);
    expect(rows.map((row) => row.split(" ").at(-1))).toEqual(["1", "2", "3"]);
  });

  test("tell the pair by their own name, too", async () => {
    const { rows } = await importAs("ETHUSDC-trades-2024-12.zip", makeZip([{ ...entry, name: "trades.csv" }]));
    expect(rows[0]).toContain(" crypto:ETH/crypto:USDC ");
  });

  const whole = makeZip([entry]);
  const large = Buffer.alloc(65 * 1024 * 1024);
  test.each<[string, archive: () => Buffer, reason: string]>([
    ["truncated", () => whole.subarray(0, -30), "truncated or damaged"],
    ["without a file", () => makeZip([]), "without a file in it"],
    ["that are spreadsheets", () => makeZip([{ name: "[Content_Types].xml", content: "<x/>" }]), "is a spreadsheet"],
    ["with a path upwards", () => makeZip([{ ...entry, name: `../${SPOT}` }]), "invalid relative path"],
    ["with an absolute path", () => makeZip([{ ...entry, name: `/etc/${SPOT}` }]), "absolute path"],
    ["that are encrypted", () => makeZip([{ ...entry, claim: { flags: 1 } }]), "is encrypted"],
    ["of an unknown method", () => makeZip([{ ...entry, claim: { method: 93 } }]), "method 93"],
    ["that unpack to more than they say", () => makeZip([{ ...entry, claim: { size: 20 } }]), "zip data is damaged"],
    ["with a wrong checksum", () => makeZip([{ ...entry, claim: { crc: 1 } }]), "wrong checksum"],
    ["that grow without measure", () => makeZip([{ name: SPOT, content: large }]), "more than 500 times its size"],
    ["in a zip archive", () => makeZip([{ name: "inner.zip", content: whole }]), "is a zip archive"],
  ])("%s are refused", async (_, archive, reason) => {
    const { refused } = await importAs("BTCUSDT-trades-2024-12-31.zip", archive());
    expect(refused).toEqual([expect.stringContaining(reason)]);
  });
});
