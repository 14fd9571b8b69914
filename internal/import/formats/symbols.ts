import { FIAT_CODES } from "../../canonical/fiat.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import { makePair, type Pair } from "../../canonical/pair.ts";
import { OPTION } from "./given.ts";

/** How a venue writes its markets. */
export interface SymbolRule {
  /** What the venue quotes prices in, in its own codes. */
  readonly quotes: readonly string[];
  /** What may stand between base and quote. */
  readonly separator?: RegExp;
  /** Whether it always does, so that a symbol without it is not split. */
  readonly isSeparated?: boolean;
  /** The usual codes of assets that the venue calls otherwise. */
  readonly codes?: Readonly<Record<string, string>>;
  /** Markets that do not follow the rule. */
  readonly special?: (symbol: string) => readonly [base: string, quote: string] | undefined;
}

/**
 * Returns the pair of a venue's symbol, such as `BTCUSDT` or `XBT/USD`.
 * @throws InputError where the symbol has no certain meaning
 */
export function pairOfSymbol(symbol: string, rule: SymbolRule): Pair {
  const upper = symbol.toUpperCase();
  const splits = splitsOf(upper, rule);
  const [split, ...others] = splits;
  if (split === undefined) {
    throw new InputError(`symbol ${quoted(symbol)} cannot be split into base and quote: add ${OPTION.pair}`);
  }
  if (others.length > 0) {
    const options = splits.map(([base, quote]) => `--pair ${codeOf(base, rule)}/${codeOf(quote, rule)}`);
    throw new InputError(`symbol ${quoted(symbol)} has more than one meaning: add ${options.join(" or ")}`);
  }
  return makePair(assetOf(split[0], rule), assetOf(split[1], rule));
}

function splitsOf(
  symbol: string,
  { quotes, separator, isSeparated = false, special }: SymbolRule,
): (readonly [string, string])[] {
  const known = special?.(symbol);
  if (known !== undefined) return [known];
  if (separator !== undefined) {
    const parts = symbol.split(separator);
    if (parts.length > 1) return parts.length === 2 ? [[parts[0] ?? "", parts[1] ?? ""]] : [];
  }
  if (isSeparated || !/^[A-Z0-9]+$/.test(symbol)) return [];
  return quotes
    .filter((quote) => symbol.endsWith(quote) && symbol.length > quote.length)
    .toSorted((one, other) => other.length - one.length)
    .map((quote) => [symbol.slice(0, -quote.length), quote]);
}

function codeOf(code: string, { codes = {} }: SymbolRule): string {
  return codes[code] ?? code;
}

/** Returns the asset of a code. A code of a currency that the venue does not quote in is a token of the same name. */
function assetOf(code: string, rule: SymbolRule): string {
  const usual = codeOf(code, rule);
  return FIAT_CODES.has(usual) && !rule.quotes.includes(code) ? `crypto:${usual}` : usual;
}
