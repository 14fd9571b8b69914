import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain } from "../../../test/model.ts";
import { enginesOf } from "../../../test/thoroughness.ts";
import type { Pair } from "../../canonical/pair.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { freshPair } from "./trades.testing.ts";

const TIME = "2026-03-01T10:00:00Z";
const ISSUER = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const CONTRACT = "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA";

/** A row as a decoder may send it: everything as text, for the database to judge. */
interface RawRow {
  readonly base: string;
  readonly quote: string;
  readonly ts: string;
  readonly source: string;
  readonly tradeId: string;
  readonly baseAmount: string;
  readonly quoteAmount: string;
}

describe.each(enginesOf(testEngines))("the constraints of trades refuse bad rows on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const goodRow = (): RawRow => ({
    ...freshPair(),
    ts: TIME,
    source: "kraken",
    tradeId: "1",
    baseAmount: "1",
    quoteAmount: "1",
  });

  const insert = async (changes: Partial<RawRow>): Promise<string> => {
    const row = { ...goodRow(), ...changes };
    const [stored] = await database.sql<{ price: string }[]>`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      VALUES (${row.base}, ${row.quote}, ${row.ts}::timestamptz, ${row.source}, ${row.tradeId},
        ${row.baseAmount}::text::numeric, ${row.quoteAmount}::text::numeric)
      RETURNING price::text`;
    if (stored === undefined) throw new Error("an insert returns its row");
    return stored.price;
  };

  const refusal = (constraint: string) => ({ code: "23514", constraint_name: constraint });

  it("accept exactly the documented forms of assets and sources", async () => {
    const WRITTEN = /^(native|crypto:[A-Za-z0-9]{1,12}|fiat:[A-Z]{3}|[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}|C[A-Z2-7]{55})$/;
    const key = (letter: string) =>
      fc
        .string({ unit: fc.constantFrom("A", "Z", "2", "7", "1", "a"), minLength: 53, maxLength: 57 })
        .map((rest) => letter + rest);
    const valid = (letter: string) =>
      fc
        .string({ unit: fc.constantFrom("A", "Z", "2", "7"), minLength: 55, maxLength: 55 })
        .map((rest) => letter + rest);
    const code = fc.string({ unit: fc.constantFrom("a", "Z", "0", "-", "é"), maxLength: 14 });
    const account = fc.oneof(key("G"), valid("G"));
    const form = fc.oneof(
      fc.constantFrom("native", "nativ", "crypto:", "fiat:US", "fiat:USDT", "fiat:USD", "fiat:usd", "-", ""),
      code.map((text) => `crypto:${text}`),
      fc.tuple(code, account).map((parts) => parts.join("-")),
      fc.oneof(key("C"), valid("C")),
      fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll("\0", "")),
      fc.constantFrom("native", "fiat:USD", "crypto:XLM").map((text) => `${text}\n`),
    );
    const definition = async (column: string): Promise<string> => {
      const [row] = await database.sql<{ text: string }[]>`
        SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint
        WHERE conrelid = 'trades'::regclass AND conname = ${`trades_${column}_form`}`;
      return row?.text.replace(/^CHECK /, "").replace(/ NOT VALID$/, "") ?? "";
    };
    const verdicts = async (column: string, texts: readonly string[]): Promise<boolean[]> => {
      const rows = await database.sql.unsafe<{ taken: boolean }[]>(
        `SELECT ${await definition(column)} AS taken
         FROM unnest($1::text[]) WITH ORDINALITY AS given (${column}, position) ORDER BY position`,
        [texts as string[]],
      );
      return rows.map(({ taken }) => taken);
    };
    const texts = fc.sample(form, 2000);
    for (const column of ["base_asset", "quote_asset"]) {
      expect(await verdicts(column, texts)).toEqual(texts.map((text) => WRITTEN.test(text)));
    }
    const source = fc.string({ unit: fc.constantFrom("a", "9", ".", "_", "-", "A", "é"), maxLength: 66 });
    const lengths = [63, 64, 65].map((length) => "a".repeat(length));
    const sources = [...fc.sample(source, 1000), ...lengths];
    expect(await verdicts("source", sources)).toEqual(sources.map((text) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text)));
    expect(texts.filter((text) => WRITTEN.test(text)).length).toBeGreaterThan(100);
  });

  describe.each([
    ["base", "trades_base_amount_range"],
    ["quote", "trades_quote_amount_range"],
  ] as const)("%s amounts", (side, constraint) => {
    it.each([
      ["NaN", "NaN"],
      ["infinity", "Infinity"],
      ["minus infinity", "-Infinity"],
      ["zero", "0"],
      ["a zero with decimals", "0.00"],
      ["negative", "-0.000001"],
      ["1e40", "1e40"],
      ["far above", "1e2000"],
      ["31 decimals", `0.${"0".repeat(30)}1`],
      ["31 decimals of an ordinary number", `1.${"5".repeat(31)}`],
      ["31 decimals, though zeros", `1.${"0".repeat(31)}`],
      ["1e-200", "1e-200"],
      ["16000 zeros behind the point", `1.${"0".repeat(16_000)}`],
      ["16000 zeros before the point", `1${"0".repeat(16_000)}`],
    ])("%s", async (_, amount) => {
      await expect(insert({ [`${side}Amount`]: amount })).rejects.toMatchObject(refusal(constraint));
    });

    it("beyond the range of numeric are refused by the type", async () => {
      await expect(insert({ [`${side}Amount`]: "1e131072" })).rejects.toMatchObject({ code: "22003" });
      await expect(insert({ [`${side}Amount`]: "1e-16384" })).rejects.toMatchObject({ code: "22003" });
    });

    it("at the limits are stored", async () => {
      for (const amount of [`0.${"0".repeat(29)}1`, "1e-30", `${"9".repeat(40)}.${"9".repeat(30)}`, "007.50"]) {
        await expect(insert({ [`${side}Amount`]: amount })).resolves.toMatch(/^\d/);
      }
    });
  });

  it("both amounts at once", async () => {
    for (const amount of ["0", "NaN", "Infinity", "-1"]) {
      await expect(insert({ baseAmount: amount, quoteAmount: amount })).rejects.toMatchObject({ code: "23514" });
    }
  });

  it.each(["infinity", "0001-12-31 23:59:59 BC", "4713-01-01 BC", "10000-01-01T00:00:00Z"])("time %s", async (ts) => {
    await expect(insert({ ts })).rejects.toMatchObject(refusal("trades_ts_range"));
  });

  it.each(["-infinity", "294276-12-31"])("time %s", async (ts) => {
    // TimescaleDB looks up the row's chunk before the checks run, and has none for these.
    const refused = engine.name === "timescaledb" ? { code: "22008" } : refusal("trades_ts_range");
    await expect(insert({ ts })).rejects.toMatchObject(refused);
  });

  it("year 0, which does not exist", async () => {
    await expect(insert({ ts: "0000-06-01T00:00:00Z" })).rejects.toMatchObject({ code: "22008" });
  });

  it("accepts the first and the last timestamp", async () => {
    await insert({ ts: "0001-01-01T00:00:00Z" });
    await insert({ ts: "9999-12-31T23:59:59.999999Z" });
  });

  it.each([
    ["", "empty"],
    [" ", "blank"],
    ["XLM", "a bare ticker"],
    ["Native", "capitalised"],
    ["native ", "trailing blank"],
    ["native\n", "trailing newline"],
    ["\nnative", "leading newline"],
    ["crypto:", "no ticker"],
    ["crypto:ABCDEFGHIJKLM", "13 letters"],
    ["crypto:X-M", "punctuation"],
    ["crypto:ＸＬＭ", "full-width letters"],
    ["crypto:É", "letters beyond ASCII"],
    ["Crypto:XLM", "capitalised prefix"],
    ["fiat:usd", "lower case"],
    ["fiat:USDT", "4 letters"],
    ["fiat:US", "2 letters"],
    ["stock:AAPL", "unknown prefix"],
    ["crypto:XLM/fiat:USD", "a pair"],
    [ISSUER, "an issuer without its code"],
    [`USDC:${ISSUER}`, "a colon instead of the dash"],
    [`-${ISSUER}`, "an issuer with an empty code"],
    [`ABCDEFGHIJKLM-${ISSUER}`, "13 characters of code"],
    [`USDC-${ISSUER.toLowerCase()}`, "lower-case issuer"],
    [`USDC-${ISSUER.slice(0, -1)}`, "issuer cut short"],
    [`USDC-${ISSUER}A`, "issuer too long"],
    [`USDC-S${ISSUER.slice(1)}`, "a secret instead of the issuer"],
    [`USDC-${ISSUER.slice(0, -1)}1`, "a digit that base 32 has not"],
    [CONTRACT.slice(0, -1), "contract cut short"],
    [`${CONTRACT}A`, "contract too long"],
    [`x${CONTRACT}`, "something before it"],
  ])("asset %j: %s", async (asset) => {
    await expect(insert({ base: asset })).rejects.toMatchObject(refusal("trades_base_asset_form"));
    await expect(insert({ quote: asset })).rejects.toMatchObject(refusal("trades_quote_asset_form"));
  });

  it("accepts every form of asset", async () => {
    for (const asset of ["native", "crypto:MXNe", "crypto:1INCH", "crypto:ABCDEFGHIJKL", `USDC-${ISSUER}`, CONTRACT]) {
      await insert({ base: asset, quote: "fiat:USD" });
      await insert({ base: freshPair().base, quote: asset });
    }
  });

  it("one asset on both sides", async () => {
    await expect(insert({ base: "native", quote: "native" })).rejects.toMatchObject(refusal("trades_two_assets"));
  });

  it.each([
    "",
    "Kraken",
    "KRAKEN",
    "kra ken",
    " kraken",
    "kraken\n",
    "-kraken",
    ".kraken",
    "krakén",
    "a/b",
    "x".repeat(65),
  ])("source %j", async (source) => {
    await expect(insert({ source })).rejects.toMatchObject(refusal("trades_source_form"));
  });

  it("accepts sources of 1 to 64 characters", async () => {
    for (const source of ["x", "7", "polygon-forex", "a.b_c-9", "x".repeat(64)]) await insert({ source });
  });

  it.each(["", "\n", "1\n", "a\tb", "\u0001", "a\u007fb", "x".repeat(257)])("trade_id %j", async (tradeId) => {
    await expect(insert({ tradeId })).rejects.toMatchObject(refusal("trades_trade_id_form"));
  });

  it("a trade_id with a zero byte, which text cannot contain", async () => {
    await expect(insert({ tradeId: "a\u0000b" })).rejects.toMatchObject({ code: "22021" });
  });

  it("accepts any other trade_id of up to 256 characters", async () => {
    for (const tradeId of [" ", "-1", "0x1f:7", "é✓\u{1f600}", "'; DROP TABLE trades; --", "é".repeat(256)]) {
      await insert({ tradeId });
    }
  });

  it.each(["base_asset", "quote_asset", "ts", "source", "trade_id", "base_amount", "quote_amount"])(
    "a missing %s",
    async (column) => {
      const { base, quote } = freshPair();
      const row: Record<string, string> = {
        base_asset: base,
        quote_asset: quote,
        ts: TIME,
        source: "kraken",
        trade_id: "1",
        base_amount: "1",
        quote_amount: "1",
      };
      delete row[column];
      await expect(database.sql`INSERT INTO trades ${database.sql(row)}`).rejects.toMatchObject({
        code: "23502",
        message: expect.stringContaining(`"${column}"`),
      });
    },
  );

  it("a batch with one bad row as a whole", async () => {
    const { base, quote } = freshPair();
    const rows = [1, -1].map((amount) => ({
      base_asset: base,
      quote_asset: quote,
      ts: TIME,
      source: "kraken",
      trade_id: `${amount}`,
      base_amount: amount,
      quote_amount: 1,
    }));
    await expect(database.sql`INSERT INTO trades ${database.sql(rows)}`).rejects.toMatchObject(
      refusal("trades_base_amount_range"),
    );
    const [stored] = await database.sql`
      SELECT (SELECT count(*)::int FROM trades WHERE base_asset = ${base}) AS trades,
        (SELECT count(*)::int FROM trades_1m WHERE base_asset = ${base}) AS minutes`;
    expect(stored).toEqual({ trades: 0, minutes: 0 });
  });

  it("a price that is written although it is generated", async () => {
    const { base, quote } = freshPair();
    const attempt = database.sql`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount, price)
      VALUES (${base}, ${quote}, ${TIME}, 'kraken', '1', 1, 1, 2)`;
    await expect(attempt).rejects.toMatchObject({ code: "428C9" });
  });

  describe("is append-only", () => {
    const statements = (pair: Pair): [string, string][] => [
      ["UPDATE", `UPDATE trades SET base_amount = 2 WHERE base_asset = '${pair.base}'`],
      ["DELETE", `DELETE FROM trades WHERE base_asset = '${pair.base}'`],
      ["TRUNCATE", "TRUNCATE trades"],
      [
        "UPDATE",
        `INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
         VALUES ('${pair.base}', '${pair.quote}', '${TIME}', 'kraken', '1', 2, 2)
         ON CONFLICT (base_asset, quote_asset, ts, source, trade_id) DO UPDATE SET base_amount = excluded.base_amount`,
      ],
    ];
    const left = async (pair: Pair) => {
      const [row] = await database.sql`
        SELECT sum(base_amount)::text AS amounts FROM trades WHERE base_asset = ${pair.base}`;
      return row?.["amounts"];
    };

    it("without the maintenance flag, or with it set to anything but on", async () => {
      const row = goodRow();
      await insert(row);
      const pair = row as unknown as Pair;
      for (const [operation, statement] of statements(pair)) {
        for (const flag of [null, "off", "", "true"]) {
          const attempt = database.sql.begin(async (sql) => {
            if (flag !== null) await sql.unsafe(`SET LOCAL stellarindex.maintenance = '${flag}'`);
            await sql.unsafe(statement);
          });
          await expect(attempt).rejects.toMatchObject({
            code: "23001",
            message: `trades is append-only: ${operation} is refused`,
            hint: "Correct trades with: stellarindex trades delete",
          });
        }
      }
      expect(await left(pair)).toBe("1");
    });

    it("even for a statement that matches no row", async () => {
      await expect(database.sql`DELETE FROM trades WHERE false`).rejects.toMatchObject({ code: "23001" });
      await expect(database.sql`UPDATE trades SET trade_id = '2' WHERE false`).rejects.toMatchObject({ code: "23001" });
    });

    it("except with the flag, which ends with its transaction", async () => {
      for (const index of [0, 1, 2, 3]) {
        const row = goodRow();
        await insert(row);
        const pair = row as unknown as Pair;
        const [, statement = ""] = statements(pair)[index] ?? [];
        const before = await left(pair);
        const attempt = database.sql.begin(async (sql) => {
          await sql`SET LOCAL stellarindex.maintenance = 'on'`;
          await sql.unsafe(statement);
          const [{ amounts } = { amounts: "" }] = await sql<{ amounts: string | null }[]>`
            SELECT sum(base_amount)::text AS amounts FROM trades WHERE base_asset = ${pair.base}`;
          expect(amounts).toBe(statement.startsWith("DELETE") || statement.startsWith("TRUNCATE") ? null : "2");
          throw new Error("undone: the rollups do not follow such changes");
        });
        await expect(attempt).rejects.toThrow("undone");
        expect(before).toBe("1");
        await expect(database.sql.unsafe(statement)).rejects.toMatchObject({ code: "23001" });
      }
    });
  });

  describe("prices", () => {
    const units = fc.oneof(
      fc.bigInt({ min: 1n, max: 10n ** 70n - 1n }),
      fc.bigInt({ min: 1n, max: 10n ** 32n }),
      fc.integer({ min: 1, max: 1000 }).map((whole) => BigInt(whole) * 10n ** 30n),
    );
    /** One number as different decoders write it. */
    const spellings = (amount: bigint): string[] => {
      const text = plain(amount, 30n);
      const [whole = "", fraction = ""] = text.split(".");
      const padded = `${whole}.${fraction.padEnd(30, "0")}`;
      return [text, padded, `000${text}`, `${amount}e-30`];
    };

    it("are the exact ratio truncated to 30 decimals, in any notation of the amounts", async () => {
      const cases = fc.sample(fc.tuple(units, units), { seed: 7, numRuns: 300 });
      const rows = cases.flatMap(([base, quote], index) => {
        const exact = plain((quote * 10n ** 30n) / base, 30n);
        const [bases, quotes] = [spellings(base), spellings(quote)];
        return [0, 1, 2, 3].map((way) => ({
          id: `${index}-${way}`,
          base: bases[way] ?? "",
          quote: quotes[(way + index) % 4] ?? "",
          exact,
        }));
      });
      const pair = freshPair();
      const stored = await database.sql<{ id: string; price: string }[]>`
        INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
        SELECT ${pair.base}, ${pair.quote}, ${TIME}, 'kraken', id, base, quote
        FROM unnest(${rows.map(({ id }) => id)}::text[], ${rows.map(({ base }) => base)}::text[]::numeric[],
          ${rows.map(({ quote }) => quote)}::text[]::numeric[]) AS row (id, base, quote)
        RETURNING trade_id AS id, price::text AS price`;
      expect(stored).toHaveLength(1200);
      const exact = new Map(rows.map((row) => [row.id, row.exact]));
      expect(stored.filter(({ id, price }) => price !== exact.get(id))).toEqual([]);
    });

    it("are equal for equal ratios", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 10_000 }),
          fc.integer({ min: 1, max: 10_000 }),
          fc.constantFrom("3", "0.001", "1e20", "7.77"),
          async (base, quote, factor) => {
            const pair = freshPair();
            const stored = await database.sql<{ price: string }[]>`
              INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
              SELECT ${pair.base}, ${pair.quote}, ${TIME}, 'kraken', factor::text, ${base}::int * factor, ${quote}::int * factor
              FROM unnest(ARRAY[1, 1.00, ${factor}::text::numeric]) WITH ORDINALITY AS row (factor)
              ON CONFLICT DO NOTHING RETURNING price::text`;
            expect(stored).toHaveLength(3);
            expect(new Set(stored.map(({ price }) => price)).size).toBe(1);
          },
        ),
        { numRuns: 30 },
      );
    });

    it.each([
      ["1", "3", "3"],
      ["3", "1", `0.${"3".repeat(30)}`],
      ["3.0", "2.00", `0.${"6".repeat(30)}`],
      ["1e-30", "1e39", `1${"0".repeat(69)}`],
      ["1e39", "1e-30", "0"],
    ])("of %s for %s is %s", async (baseAmount, quoteAmount, price) => {
      expect(await insert({ baseAmount, quoteAmount })).toBe(price);
    });
  });

  // Decoders must truncate finer fractions, because PostgreSQL rounds them, possibly into the next
  // bucket.
  it.each([
    ["2026-03-01T10:00:59.9999994Z", "10:00", "59.999999"],
    ["2026-03-01T10:00:59.9999996Z", "10:01", "00.000000"],
    ["2026-03-01T23:59:59.9999999Z", "00:00", "00.000000"],
  ])("without truncation by the decoder, %s is stored in the minute %s", async (ts, minute, second) => {
    const row = { ...goodRow(), ts };
    await insert(row);
    const [stored] = await database.sql`
      SELECT to_char(bucket AT TIME ZONE 'UTC', 'HH24:MI') AS minute, to_char(open_ts, 'SS.US') AS second
      FROM trades_1m WHERE base_asset = ${row.base}`;
    expect(stored).toEqual({ minute, second });
  });
});
