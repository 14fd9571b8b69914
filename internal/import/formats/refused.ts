/** Files that look like trades of a market but are not, by columns that all are there; with the reason. */
const REFUSED: readonly { readonly columns: readonly string[]; readonly reason: string }[] = [
  {
    columns: ["txid", "ordertxid", "pair", "ledgers"],
    reason: "is Kraken's export of an account's own trades, not of all trades of a market",
  },
  {
    columns: ["txid", "refid", "aclass", "balance"],
    reason: "is Kraken's export of an account's ledger, not of trades of a market",
  },
  {
    columns: ["portfolio", "trade id", "product", "size unit"],
    reason: "is Coinbase's statement of an account's own fills, not of all trades of a market",
  },
  {
    columns: ["type", "datetime", "account", "sub type"],
    reason: "is Bitstamp's export of an account's own transactions, not of all trades of a market",
  },
  {
    columns: ["date(utc)", "pair", "side", "executed"],
    reason: "is Binance's export of an account's own trades, not of all trades of a market",
  },
  {
    columns: ["id", "price", "qty", "base_qty", "time"],
    reason: "is of Binance's COIN-M futures, whose sizes are numbers of contracts, not amounts",
  },
  {
    columns: ["open", "high", "low", "close"],
    reason: "has candles, not trades",
  },
];

/** Returns why a file with these columns is none of trades; null if that is not known. */
export function refusalOf(columns: readonly string[]): string | null {
  const present = new Set(columns.map((name) => name.trim().toLowerCase()));
  return REFUSED.find((file) => file.columns.every((name) => present.has(name)))?.reason ?? null;
}
