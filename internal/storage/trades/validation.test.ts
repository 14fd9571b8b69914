import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { formatTime } from "../../canonical/time.ts";
import { type TradeField, type TradeProblem, type TradeTexts, validateTrade } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { ODD_VALUES, OTHER_DECIMALS, OTHER_TIMES, tradeTexts } from "./trade-texts.testing.ts";

/** Whether the rules are stricter than the constraints on purpose, so that the table takes what they refuse. */
function isStricter({ field, code }: TradeProblem, texts: TradeTexts): boolean {
  const text = texts[field] ?? "";
  switch (code) {
    // A pattern in SQL cannot check a checksum, and the list of currencies changes without a migration.
    case "asset_malformed":
      return /^(?:[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}|C[A-Z2-7]{55}|fiat:[A-Z]{3})$/.test(text);
    case "time_malformed":
      return OTHER_TIMES.includes(text);
    case "amount_malformed":
      return OTHER_DECIMALS.includes(text);
    // The generated price is then stored as 0.
    case "price_too_small":
      return true;
    // U+FFFD stands for bytes that were lost before: different ids could become one.
    case "trade_id_malformed":
      return /^[^\p{Cc}\p{Cs}]+$/u.test(text);
    default:
      return false;
  }
}

const FIELDS_OF_CONSTRAINTS: Readonly<Record<string, readonly TradeField[]>> = {
  trades_base_asset_form: ["base_asset"],
  trades_quote_asset_form: ["quote_asset"],
  trades_two_assets: ["base_asset", "quote_asset"],
  trades_ts_range: ["ts"],
  trades_source_form: ["source"],
  trades_trade_id_form: ["trade_id"],
  trades_base_amount_range: ["base_amount"],
  trades_quote_amount_range: ["quote_amount"],
};

/** Returns a decimal in plain notation without trailing zeros, which have a say in the scale; any other text as it is. */
function plainly(text = ""): string {
  try {
    return formatDecimal(parseDecimal(text));
  } catch {
    return text;
  }
}

const VALID: TradeTexts = {
  base_asset: "crypto:XLM",
  quote_asset: "fiat:USD",
  ts: "2026-03-01T10:00:00Z",
  source: "kraken",
  trade_id: "1",
  base_amount: "1",
  quote_amount: "1",
};

describe.each(enginesOf(testEngines))("validateTrade and the constraints of trades agree on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    // Each row is inserted in a subtransaction, which is undone: rows of one call do not meet.
    await database.sql.unsafe(`
      CREATE FUNCTION outcomes_of_insert(rows json) RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
      DECLARE
        item json;
        broken text;
      BEGIN
        FOR item IN SELECT * FROM json_array_elements(rows) LOOP
          BEGIN
            INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
            VALUES (item->>'base_asset', item->>'quote_asset', (item->>'ts')::timestamptz, item->>'source',
              item->>'trade_id', (item->>'base_amount')::numeric, (item->>'quote_amount')::numeric);
            RAISE EXCEPTION 'stored' USING ERRCODE = 'UN001';
          EXCEPTION
            WHEN SQLSTATE 'UN001' THEN outcome := 'stored';
            WHEN OTHERS THEN
              GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
              outcome := coalesce(nullif(broken, ''), SQLSTATE);
          END;
          RETURN NEXT;
        END LOOP;
      END $$`);
  });
  afterAll(() => database.drop());

  /** Returns `stored` for each row that the table takes, else the constraint or the SQLSTATE that refuses it. */
  async function outcomesOfInsert(rows: readonly TradeTexts[]): Promise<string[]> {
    const outcomes = await database.sql<{ outcome: string }[]>`
      SELECT outcome FROM outcomes_of_insert(${JSON.stringify(rows)}::text::json)`;
    return outcomes.map(({ outcome }) => outcome);
  }

  /** The trade as it is written if it is valid, else the texts in the notation that writers always use. */
  function rowOf(texts: TradeTexts): TradeTexts {
    const result = validateTrade(texts);
    if ("problems" in result) {
      const [base_amount, quote_amount] = [texts.base_amount, texts.quote_amount].map(plainly);
      return { ...texts, ts: texts.ts?.replace(/(\.\d{6})\d+/, "$1"), base_amount, quote_amount };
    }
    const { base, quote, ts, source, tradeId, baseAmount, quoteAmount } = result.trade;
    return {
      base_asset: base,
      quote_asset: quote,
      ts: formatTime(ts),
      source,
      trade_id: tradeId,
      base_amount: formatDecimal(baseAmount),
      quote_amount: formatDecimal(quoteAmount),
    };
  }

  it("whatever the fields hold", async () => {
    const rows = fc.sample(tradeTexts, runsOf(4000)).map((texts) => ({ texts, result: validateTrade(texts) }));
    const outcomes = await outcomesOfInsert(rows.map(({ texts }) => rowOf(texts)));
    const verdicts = rows.map((row, index) => ({ ...row, outcome: outcomes[index] ?? "none" }));
    const valid = verdicts.filter(({ result }) => "trade" in result);
    expect(valid.filter(({ outcome }) => outcome !== "stored")).toEqual([]);
    const refused = verdicts.flatMap(({ result, ...rest }) => ("trade" in result ? [] : [{ ...rest, ...result }]));
    const isRight = ({ texts, problems, outcome }: (typeof refused)[number]): boolean => {
      if (outcome === "stored") return problems.every((problem) => isStricter(problem, texts));
      const fields = FIELDS_OF_CONSTRAINTS[outcome];
      return fields === undefined || problems.some(({ field }) => fields.includes(field));
    };
    expect(refused.filter((row) => !isRight(row))).toEqual([]);
    expect(Math.min(valid.length, refused.length)).toBeGreaterThan(rows.length / 10);
  });

  it("on single odd fields, where the table takes only what the rules refuse on purpose", async () => {
    const texts = Object.entries(ODD_VALUES).flatMap(([field, values]) =>
      fc.sample(values, runsOf(400)).map((value): TradeTexts => ({ ...VALID, [field]: value })),
    );
    const outcomes = await outcomesOfInsert(texts.map(rowOf));
    const verdicts = texts.map((row, index) => {
      const result = validateTrade(row);
      const isAllowed = "trade" in result || result.problems.every((problem) => isStricter(problem, row));
      return { row, result, isAllowed, outcome: outcomes[index] };
    });
    expect(verdicts.filter(({ isAllowed, outcome }) => isAllowed !== (outcome === "stored"))).toEqual([]);
  });

  it("except on purpose", async () => {
    const stricter: readonly (readonly [TradeField, string])[] = [
      ["base_asset", "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVA"],
      ["base_asset", "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMB"],
      ["quote_asset", "fiat:ZZZ"],
      ...OTHER_TIMES.map((text) => ["ts", text] as const),
      ...OTHER_DECIMALS.map((text) => ["base_amount", text] as const),
      ["base_amount", "1e31"],
      ["trade_id", "a\ufffdb"],
    ];
    const rows = stricter.map(([field, text]): TradeTexts => ({ ...VALID, [field]: text }));
    expect(rows.filter((row) => "trade" in validateTrade(row))).toEqual([]);
    expect(await outcomesOfInsert(rows)).toEqual(rows.map(() => "stored"));
  });
});
