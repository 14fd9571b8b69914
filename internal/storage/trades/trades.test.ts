import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../lib/package-root.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { freshPair, trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const T = "2026-03-01T10:45:00.123456Z";

describe.each(testEngines)("trades on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  afterEach(() => expectRollupsExact(database));

  const idsOf = async (base: string): Promise<string[]> => {
    const rows = await database.sql<{ trade_id: string }[]>`
      SELECT trade_id FROM trades WHERE base_asset = ${base} ORDER BY trade_id COLLATE "C"`;
    return rows.map(({ trade_id }) => trade_id);
  };

  it.each(['"', "\\", '\\"', "{", "}", ",", "NULL", "null", " ", " a ", "'", "\\N", "\\x41", "😀", '","', "a\\"])(
    "are stored under the id %j and found by it",
    async (tradeId) => {
      const pair = freshPair();
      const rows = [trade(pair, T, { tradeId }), trade(pair, T, { tradeId: "other" })];
      expect(await writeTrades(database, rows)).toEqual({ inserted: 2, known: 0, conflicting: [] });
      expect(new Set(await idsOf(pair.base))).toEqual(new Set([tradeId, "other"]));
      const again = trade(pair, T, { tradeId, quote: "2" });
      expect(await writeTrades(database, [again])).toEqual({ inserted: 0, known: 1, conflicting: [again] });
    },
  );

  it("are stored unchanged, with any texts", async () => {
    const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(id, { minLength: 1, maxLength: 20 }), async (ids) => {
        const pair = freshPair();
        await writeTrades(
          database,
          ids.map((tradeId) => trade(pair, T, { tradeId })),
        );
        expect(new Set(await idsOf(pair.base))).toEqual(new Set(ids));
      }),
      { numRuns: 20 },
    );
  });

  it("keep microseconds and all digits of amounts, at both limits", async () => {
    const pair = freshPair();
    const least = `0.${"0".repeat(29)}1`;
    const most = `${"9".repeat(40)}.${"9".repeat(30)}`;
    await writeTrades(database, [
      trade(pair, "0001-01-01T00:00:00Z", { base: least, quote: least }),
      trade(pair, "9999-12-31T23:59:59.999999Z", { base: most, quote: most }),
    ]);
    const stored = await database.sql`
      SELECT ts::text, base_amount::text, quote_amount::text FROM trades WHERE base_asset = ${pair.base} ORDER BY ts`;
    expect(stored).toEqual([
      { ts: "0001-01-01 00:00:00+00", base_amount: least, quote_amount: least },
      { ts: "9999-12-31 23:59:59.999999+00", base_amount: most, quote_amount: most },
    ]);
  });

  describe("are written with the SQL of docs/decoders.md", () => {
    const row = (base: string, tradeId: string, quoteAmount = "2.5") =>
      [base, "fiat:USD", "2026-03-01T10:45:00.123456Z", "kraken", tradeId, "2", quoteAmount] as const;
    const csv = (rows: readonly (readonly string[])[]) => rows.map((columns) => `${columns.join(",")}\n`).join("");

    it("in one statement, without changing known trades", async () => {
      const { base } = freshPair();
      const [statement = ""] = examples("INSERT INTO trades", "unnest(");
      const write = (rows: readonly (readonly string[])[]) =>
        database.sql.unsafe(
          statement,
          (rows[0] ?? []).map((_, column) => rows.map((columns) => columns[column] ?? "")),
        );
      expect((await write([row(base, "1"), row(base, "2")])).count).toBe(2);
      expect((await write([row(base, "2", "9"), row(base, "3")])).count).toBe(1);
      expect(await quoteVolumeOf(base)).toBe("7.5");
    });

    if (engine.server !== null) {
      it("through a staging table, without changing known trades (server engines)", async () => {
        const { base } = freshPair();
        const write = (rows: readonly (readonly string[])[]) => {
          const [, create = "", copy = "", insert = ""] = statementsOf(examples("CREATE TEMPORARY TABLE")[0] ?? "");
          return database.sql.begin(async (sql) => {
            await sql.unsafe(create);
            await copyIn(sql, copy, csv(rows));
            return (await sql.unsafe(insert)).count;
          });
        };
        expect(await write([row(base, "1"), row(base, "2")])).toBe(2);
        expect(await write([row(base, "2", "9"), row(base, "3"), row(base, "3")])).toBe(1);
        expect(await quoteVolumeOf(base)).toBe("7.5");
      });

      it("by COPY (server engines)", async () => {
        const { base } = freshPair();
        await copyIn(database.sql, examples("COPY trades")[0] ?? "", csv([row(base, "1"), row(base, "2")]));
        expect(await quoteVolumeOf(base)).toBe("5.0");
      });
    }

    async function quoteVolumeOf(base: string): Promise<string | undefined> {
      const [sums] = await database.sql<{ volume: string }[]>`
        SELECT sum(quote_volume)::text AS volume FROM trades_1m WHERE base_asset = ${base}`;
      return sums?.volume;
    }
  });
});

/** Returns the only SQL example of the document that contains all these words. */
function examples(...words: readonly string[]): string[] {
  const text = readFileSync(join(packageRoot(), "docs", "decoders.md"), "utf8");
  const blocks = [...text.matchAll(/^```sql\n(.*?)^```/gms)].map(([, block]) => block ?? "");
  const found = blocks.filter((block) => words.every((word) => block.includes(word)));
  expect(found).toHaveLength(1);
  return found;
}

/** Runs the statements of an example one after another; no text in them contains a semicolon. */
function statementsOf(example: string): string[] {
  return example.split(";").map((statement) => statement.trim());
}

/** Runs a COPY of valid rows; the driver never reports that a COPY has failed. */
async function copyIn(sql: Sql, statement: string, text: string): Promise<void> {
  const stream = await sql.unsafe(statement).writable();
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject).once("finish", resolve).end(text);
  });
}
