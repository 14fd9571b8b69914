import { describe, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { HORIZON_RECORDS, NATIVE_FILES, USDC } from "./fixtures.testing.ts";
import { importAs } from "./formats.testing.ts";
import { FORMATS } from "./list.ts";

describe("native formats", () => {
  test.each(NATIVE_FILES)("%s, as %s, stores its rows", async (format, name, content, given, rows) => {
    const result = await importAs(name, content, given);
    expect(result).toMatchObject({ rows, bad: [], refused: [] });
    expect(result.understood.map((understood) => understood.format?.split(",")[0])).toEqual([format]);
    // Naming the format changes nothing.
    const named = await importAs(name, content, { ...given, format });
    expect(named).toMatchObject({ rows, bad: [], refused: [] });
  });

  test("all have a fixture", () => {
    expect([...new Set(NATIVE_FILES.map(([format]) => format))].sort()).toEqual(FORMATS.map(({ name }) => name).sort());
  });

  test("of Stellar take the orientation that --pair gives", async () => {
    const content = HORIZON_RECORDS.map((record) => JSON.stringify(record)).join("\n");
    const { rows } = await importAs("records.ndjson", content, { pair: parsePair(`${USDC}/native`) });
    expect(rows).toEqual([
      `2026-01-02T03:04:05Z sdex ${USDC}/native 4.0000001 12.5 77-0`,
      `2026-01-02T03:04:05Z sdex ${USDC}/native 0.0000003 0.000001 77-1`,
    ]);
  });
});
