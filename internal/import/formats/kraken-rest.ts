import { InputError, quoted } from "../../canonical/input-error.ts";
import { isObject, member } from "../../lib/exact-json.ts";
import type { Format } from "./format.ts";
import { KRAKEN_PAIR } from "./kraken.ts";
import { sinceEpoch } from "./time-rules.ts";

/** The values of a trade, in the order of Kraken's documentation. */
const VALUES = ["price", "volume", "time", "side", "type", "misc", "trade_id"];

/** Answers of `GET /0/public/Trades`. */
export const KRAKEN_REST: Format = {
  name: "kraken-rest",
  title: "Kraken, answers of `/0/public/Trades`",
  keys: ["price", "volume", "time", "trade_id", "symbol"],
  hasHeader: false,
  isJson: true,
  recordsIn(document) {
    const result = member(document, "result");
    if (!Array.isArray(member(document, "error"))) return null;
    const errors = member(document, "error") as unknown[];
    if (errors.length > 0) throw new InputError(`is an error of Kraken: ${quoted(String(errors[0]))}`);
    if (!isObject(result)) return null;
    const markets = Object.entries(result).filter(([, trades]) => Array.isArray(trades)) as [string, unknown[]][];
    return markets.flatMap(([symbol, trades]) => trades.map((trade) => recordOf(symbol, trade)));
  },
  columns: { ts: "time", price: "price", size: "volume", trade_id: "trade_id" },
  time: sinceEpoch("s"),
  source: { always: "kraken" },
  pair: { ...KRAKEN_PAIR, column: "symbol" },
  ids: "`trade_id`",
};

function recordOf(symbol: string, trade: unknown): Record<string, unknown> {
  if (!Array.isArray(trade)) return { symbol };
  return { ...Object.fromEntries(VALUES.map((name, place) => [name, trade[place]])), symbol };
}
