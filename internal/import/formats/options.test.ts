import { describe, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { importAs } from "./formats.testing.ts";
import type { Given } from "./given.ts";
import { parseMap } from "./own-kind.ts";
import { parseZone } from "./zone.ts";

const XLM_USD: Given = { pair: parsePair("XLM/USD") };

describe("options", () => {
  const map = new Map([
    ["ts", "t"],
    ["price", "p"],
    ["size", "q"],
  ]);
  test.each<[string, content: string, given: Given, row: string]>([
    [
      "--map with numbers and --no-header",
      "1700000000;x;0.5;4",
      {
        map: new Map([
          ["ts", "1"],
          ["price", "3"],
          ["size", "4"],
        ]),
        noHeader: true,
        delimiter: ";",
        timeUnit: "s",
      },
      "2023-11-14T22:13:20Z",
    ],
    [
      "--map with a number below a header",
      "when,p,q\n1700000000123456789,0.5,4",
      { map: new Map([...map, ["ts", "1"]]), timeUnit: "ns" },
      "2023-11-14T22:13:20.123456Z",
    ],
    [
      "--map with keys and a path",
      '{"t":1700000000123.5,"info":{"p":0.5},"q":"4"}',
      { map: new Map([...map, ["price", "info.p"]]), timeUnit: "ms" },
      "2023-11-14T22:13:20.1235Z",
    ],
    [
      "--map of records in an array",
      '[\n{"t":"2023-11-14T22:13:20Z","p":5e-1,"q":4}]',
      { map },
      "2023-11-14T22:13:20Z",
    ],
    [
      "--zone with an offset",
      "t,p,q\n2023-11-14 22:13:20,0.5,4",
      { map, zone: parseZone("+0530") },
      "2023-11-14T16:43:20Z",
    ],
    [
      "--zone with a name",
      "t,p,q\n2023-07-14T22:13:20.5,0.5,4",
      { map, zone: parseZone("Europe/Berlin") },
      "2023-07-14T20:13:20.5Z",
    ],
    [
      "--delimiter with quotes",
      't\tp\tq\n"2023-11-14T22:13:20Z"\t"0.5"\t4',
      { map, delimiter: "\t" },
      "2023-11-14T22:13:20Z",
    ],
    ["a separator in the file", "sep=;\nts;price;size\n2023-11-14T22:13:20Z;0.5;4", {}, "2023-11-14T22:13:20Z"],
  ])("%s", async (_, content, given, time) => {
    const { rows, bad, refused } = await importAs("x.csv", content, { ...given, ...XLM_USD, source: "mine" });
    expect({ bad, refused }).toEqual({ bad: [], refused: [] });
    expect(rows).toEqual([expect.stringContaining(`${time} mine crypto:XLM/fiat:USD 4 2 `)]);
  });

  test("agree with what the file says, or its rows are refused", async () => {
    const header = "ts,source,pair,price,size";
    const row = (source: string, pair: string): string => `2023-11-14T22:13:20Z,${source},${pair},1,1`;
    const rows = [row("mine", "XLM/USD"), row("other", "XLM/USD"), row("mine", "XLM/EUR")];
    const { rows: stored, bad } = await importAs("x.csv", [header, ...rows].join("\n"), { ...XLM_USD, source: "mine" });
    expect(stored).toHaveLength(1);
    expect(bad).toEqual([
      '3: source "other" is not that of --source',
      "4: pair crypto:XLM/fiat:EUR is not that of --pair",
    ]);
  });

  test("stand for the names that a venue gives source and pair, if those are the same throughout", async () => {
    const rows = ["XLMUSD", "XLMUSD", "XLMEUR"].map((symbol) => `2023-11-14T22:13:20Z,MINE,${symbol},1,1`);
    const content = ["ts,source,pair,price,size", ...rows].join("\n");
    const result = await importAs("x.csv", content, { ...XLM_USD, source: "mine" });
    expect(result.rows).toHaveLength(2);
    expect(result.bad).toEqual(['4: pair "XLMEUR" is not "XLMUSD" as in the first row; --pair names one pair']);
  });

  test.each<[string, content: string, given: Given, place: "bad" | "refused", reason: string]>([
    [
      "a unit that a number cannot be of",
      "t,p,q\n1700000000,1,1",
      { map, timeUnit: "ms" },
      "bad",
      "if all its times are, add --time-unit s",
    ],
    [
      "a unit that no calendar has",
      "t,p,q\n17000000000000000000,1,1",
      { map, timeUnit: "s" },
      "bad",
      "which have 10 digits",
    ],
    [
      "names without a header",
      "t,p,q\n1,1,1",
      { map, noHeader: true },
      "refused",
      "--map has to name its columns by number",
    ],
    ["columns that are not there", "t,p\n1,1", { map }, "refused", "lacks the columns p and q"],
  ])("refuse %s", async (_, content, given, place, reason) => {
    const result = await importAs("x.csv", content, { ...given, ...XLM_USD, source: "mine" });
    expect(result[place]).toEqual([expect.stringContaining(reason)]);
    expect(result.rows).toEqual([]);
  });

  test("a number needs its unit", async () => {
    const { bad } = await importAs("x.csv", "t,p,q\n1700000000,1,1", { map, ...XLM_USD, source: "mine" });
    expect(bad).toEqual(['2: t "1700000000" is a number since 1970: add --time-unit s, ms, us or ns']);
  });
});

test("parseMap reads fields and columns, and names what is wrong", () => {
  expect([...parseMap("ts=a=b, price = p", ["ts", "price"])]).toEqual([
    ["ts", "a=b"],
    ["price", "p"],
  ]);
  for (const [text, reason] of [
    ["ts", '"ts" is not FIELD=COLUMN'],
    ["ts=", "is not FIELD=COLUMN"],
    ["=a", "is not FIELD=COLUMN"],
    ["when=a", '"when" is none of ts, price'],
    ["ts=a,ts=b", "ts is named twice"],
  ] as const) {
    expect(() => parseMap(text, ["ts", "price"])).toThrow(reason);
  }
});
