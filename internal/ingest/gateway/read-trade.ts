import { formatDecimal } from "../../canonical/decimal.ts";
import { InputError } from "../../canonical/input-error.ts";
import type { Micros } from "../../canonical/time.ts";
import { type TradeField, type TradeProblem, validateTrade } from "../../canonical/trade.ts";
import { futureProblem } from "../../canonical/trade-rules.ts";
import { isObject, JsonNumber } from "../../lib/exact-json.ts";
import { nearest } from "../../lib/suggest.ts";
import type { RowResult, SentTrade } from "../sent-trade.ts";
import { readAmounts, readPair, readSource, TRADE_COLUMNS } from "../trade-fields.ts";
import { TRADE_FIELDS } from "./trade-schema.ts";

export type Rejected = Extract<RowResult, { status: "rejected" }>;

/** Who sent a body, and what is accepted of that sender. */
export interface Sender {
  /** The name of its API key; empty for none. */
  readonly name: string;
  readonly mayWrite: (source: string) => boolean;
  readonly now: () => Micros;
}

type Texts<Name extends string> = { [name in Name]?: string };

/** Names of fields in programs and files of venues, which are not read, since they differ in meaning. */
const NAMES_ELSEWHERE: Readonly<Record<TradeField, readonly string[]>> = {
  base_asset: ["symbol", "market", "instrument", "base_currency"],
  quote_asset: ["quote_currency"],
  ts: ["time", "timestamp", "datetime", "date"],
  source: ["exchange"],
  trade_id: ["id", "tid"],
  base_amount: ["amount", "qty", "quantity", "volume"],
  quote_amount: ["cost", "quote_qty", "quote_volume"],
};

const FIELDS_OF_A_TRADE =
  "a trade has base_asset and quote_asset (or base and quote, or pair), ts, source, trade_id, base_amount and " +
  "quote_amount (or price and size)";

/** Reads a value of JSON, with its numbers as they were written, as a trade that is not of the future. */
export function readTrade(value: unknown, { name, mayWrite, now }: Sender): SentTrade | Rejected {
  if (Array.isArray(value))
    return rejected(null, "is a list, not a trade; a list of trades is a body of application/json");
  if (!isObject(value)) return rejected(null, "is not a JSON object");
  try {
    const texts = textsOf(value, TRADE_FIELDS);
    if (TRADE_FIELDS.some((field) => !texts[field])) fillIn(texts, textsOf(value, TRADE_COLUMNS));
    const read = validateTrade(texts);
    if ("problems" in read) return rejectedFor(read.problems[0], value);
    const { trade } = read;
    if (!mayWrite(trade.source)) return rejected("source", `the API key may not write trades of ${trade.source}`);
    const future = futureProblem(trade.ts, now());
    return future === null ? { ...trade, sender: name } : rejected("ts", future);
  } catch (error) {
    if (error instanceof NoText) return rejected(error.field, error.message);
    if (error instanceof InputError) return rejected(null, error.message);
    throw error;
  }
}

export function rejected(field: TradeField | null, reason: string): Rejected {
  return { status: "rejected", field, reason };
}

/** A field is neither a text nor a number. */
class NoText extends Error {
  /** Null for a field that an answer does not name. */
  readonly field: TradeField | null;

  constructor(name: string) {
    const field = TRADE_FIELDS.find((each) => each === name) ?? null;
    super(field === null ? `${name} is neither a text nor a number` : "is neither a text nor a number");
    this.field = field;
  }
}

/** @throws NoText */
function textsOf<Name extends string>(value: Readonly<Record<string, unknown>>, names: readonly Name[]): Texts<Name> {
  const texts: Texts<Name> = {};
  for (const name of names) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    if (typeof given === "string") texts[name] = given;
    else if (given instanceof JsonNumber) texts[name] = given.text;
    else throw new NoText(name);
  }
  return texts;
}

/** Fills in what is missing from the names and forms that `import` reads as well. @throws InputError */
function fillIn(texts: Texts<TradeField>, others: Texts<(typeof TRADE_COLUMNS)[number]>): void {
  if (!texts.source && others.venue) texts.source = readSource(others);
  if (!texts.base_asset && !texts.quote_asset && (others.pair || others.base || others.quote)) {
    const { base, quote } = readPair(others);
    Object.assign(texts, { base_asset: base, quote_asset: quote });
  }
  if ((!texts.base_amount || !texts.quote_amount) && (others.price || others.size)) {
    const { baseAmount, quoteAmount } = readAmounts(others);
    Object.assign(texts, { base_amount: formatDecimal(baseAmount), quote_amount: formatDecimal(quoteAmount) });
  }
}

function rejectedFor(problem: TradeProblem | undefined, value: Readonly<Record<string, unknown>>): Rejected {
  if (problem === undefined) return rejected(null, "is no trade");
  const { field, code, reason } = problem;
  return rejected(field, code === "missing" ? `${reason}; ${cureOf(field, value)}` : reason);
}

/** Returns what to do about a missing field of a row. */
function cureOf(field: TradeField, value: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(value);
  const list = names.find((name) => Array.isArray(value[name]));
  if (list !== undefined) return `if ${JSON.stringify(list)} has the trades, send that list itself`;
  const isKnown = (name: string): boolean => [...TRADE_FIELDS, ...TRADE_COLUMNS].some((known) => known === name);
  const others = names.filter((name) => !isKnown(name) && name.length <= 40);
  const meant = others.find((name) => NAMES_ELSEWHERE[field].includes(name.toLowerCase())) ?? nearest(field, others);
  return meant === null ? FIELDS_OF_A_TRADE : `if ${JSON.stringify(meant)} is meant, name it ${field}`;
}
