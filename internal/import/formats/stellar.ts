import type { Asset } from "../../canonical/asset.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { makePair } from "../../canonical/pair.ts";
import { stellarMarket } from "../../canonical/stellar-market.ts";
import { empty, type Fields, inColumn, value } from "../../ingest/fields.ts";
import { SkippedRow } from "../file-kind.ts";
import type { Given } from "./given.ts";

/** One side of a trade on the ledger: an asset and its amount. */
export interface Side {
  readonly asset: string;
  readonly amount: string;
}

/** Reads a side whose columns begin with a prefix: `base_asset_type`, `base_asset_code`, `base_asset_issuer`. */
export function readSide(fields: Fields, prefix: string): Side {
  const column = (name: string): string => {
    const key = `${prefix}_${name}`;
    return value(fields, key) ?? empty(key);
  };
  const asset = column("asset_type") === "native" ? "native" : `${column("asset_code")}-${column("asset_issuer")}`;
  return { asset, amount: column("amount") };
}

/** Returns the columns that {@link readSide} reads. */
export function sideColumns(prefix: string): string[] {
  return ["amount", "asset_type", "asset_code", "asset_issuer"].map((name) => `${prefix}_${name}`);
}

/**
 * Returns the market and the amounts of a trade in the one orientation of its market: that of `--pair` where it names
 * this market, else that of {@link stellarMarket}.
 * @throws SkippedRow where an amount is 0, as the ledger rounds to 1e-7: such a trade has no price
 */
export function readLedgerTrade(one: Side, other: Side, { pair: given }: Given): Fields {
  const sides = makePair(one.asset, other.asset);
  for (const { amount } of [one, other]) {
    if (inColumn("amount", parseDecimal, amount).isZero()) {
      throw new SkippedRow("trades that rounded an amount to 0, and have no price", "an amount is 0");
    }
  }
  const isGiven = given !== undefined && holds(given, sides.base) && holds(given, sides.quote);
  const { base, quote } = isGiven ? given : stellarMarket(sides.base, sides.quote);
  const [baseSide, quoteSide] = sides.base === base ? [one, other] : [other, one];
  return { base, quote, base_amount: baseSide.amount, quote_amount: quoteSide.amount };
}

function holds({ base, quote }: { base: Asset; quote: Asset }, asset: Asset): boolean {
  return asset === base || asset === quote;
}
