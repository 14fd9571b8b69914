import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain } from "../../../test/model.ts";
import { enginesOf } from "../../../test/thoroughness.ts";
import type { Asset } from "../../canonical/asset.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { formsPrice } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";

const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const ONE = 10n ** 30n;

/** The definition, 1/base + 1/quote <= 1/(1000 units), on amounts in units of 10⁻³⁰. */
function isPrecise(base: bigint, quote: bigint, unit: bigint): boolean {
  return 1000n * unit * (base + quote) <= base * quote;
}

describe.each(enginesOf(testEngines))("the rule which trades form a price on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const inSql = async (source: string, base: string, quote: string, baseAmount: string, quoteAmount: string) => {
    const [row] = await database.sql<{ forms: boolean }[]>`
      SELECT forms_price(${source}::text, ${base}::text, ${quote}::text, ${baseAmount}::text::numeric,
        ${quoteAmount}::text::numeric) AS forms`;
    return row?.forms;
  };
  const inProgram = (source: string, base: string, quote: string, baseAmount: string, quoteAmount: string) =>
    formsPrice({
      source,
      base: base as Asset,
      quote: quote as Asset,
      baseAmount: parseDecimal(baseAmount),
      quoteAmount: parseDecimal(quoteAmount),
    });

  it.each([
    ["sdex", "crypto:XLM", "fiat:USD", "0.0000001", "0.0000001", false],
    ["sdex", "crypto:XLM", "fiat:USD", "0.0002", "0.0002", true],
    ["sdex", "crypto:XLM", "fiat:USD", "0.0002", "0.0001999", false],
    ["kraken", "crypto:BTC", "fiat:USD", "0.0000001", "0.0000001", false],
    ["kraken", "crypto:BTC", "fiat:USD", "0.00002", "1.3", true],
    ["kraken", "crypto:BTC", "fiat:USD", "0.00001", "0.65", false],
    // A Stellar asset trades on Stellar, whatever the name of its source.
    ["my-dex", "native", USDC, "0.00015", "1", true],
    ["my-dex", "native", USDC, "0.00005", "1", false],
    ["my-dex", "crypto:XLM", "crypto:USDC", "0.00005", "1", true],
  ] as const)("%s, %s/%s: %s for %s: %s", async (source, base, quote, baseAmount, quoteAmount, forms) => {
    expect(inProgram(source, base, quote, baseAmount, quoteAmount)).toBe(forms);
    expect(await inSql(source, base, quote, baseAmount, quoteAmount)).toBe(forms);
  });

  it("gives the same result in SQL, in the program and by the definition", async () => {
    const amount = fc.oneof(
      fc.bigInt({ min: 1n, max: ONE }),
      fc.integer({ min: 1, max: 30_000 }).map((units) => BigInt(units) * (ONE / 10n ** 8n)),
      fc.integer({ min: 1, max: 3_000 }).map((units) => BigInt(units) * (ONE / 10n ** 7n)),
      fc.constant(10n ** 40n * ONE - 1n),
    );
    await fc.assert(
      fc.asyncProperty(amount, amount, fc.boolean(), async (base, quote, isOnStellar) => {
        const market = [isOnStellar ? "sdex" : "kraken", "crypto:XLM", "fiat:USD"] as const;
        const amounts = [plain(base, 30n), plain(quote, 30n)] as const;
        const expected = isPrecise(base, quote, isOnStellar ? ONE / 10n ** 7n : ONE / 10n ** 8n);
        expect(inProgram(...market, ...amounts)).toBe(expected);
        expect(await inSql(...market, ...amounts)).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });
});
