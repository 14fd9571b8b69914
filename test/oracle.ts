/**
 * The published value by the plain definition: row by row, in integers, with nothing of the program's own arithmetic.
 * Amounts are integers of 10⁻³⁰.
 */
export interface OracleTrade {
  readonly ts: bigint;
  readonly source: string;
  readonly base: bigint;
  readonly quote: bigint;
}

export interface OracleQuestion {
  readonly pair: string;
  readonly from: bigint;
  readonly to: bigint;
  /** Sources that count, or null for all. */
  readonly counted: ReadonlySet<string> | null;
  /** k as a fraction. */
  readonly k: readonly [bigint, bigint];
  /** USD per unit of quote as a fraction, or null where it is unknown. */
  readonly usdRate: readonly [bigint, bigint] | null;
  readonly minUsd: bigint;
  readonly refuseUnknown: boolean;
  readonly policy: string;
}

const SCALE = 30n;
const ONE = 10n ** SCALE;

/** The JSON line, or why nothing is published. */
export function oracleValue(trades: readonly OracleTrade[], question: OracleQuestion): string {
  const { from, to, counted, k } = question;
  const inWindow = trades.filter(({ ts }) => from <= ts && ts < to);
  const ofClass = inWindow.filter(({ source }) => counted === null || counted.has(source));
  const kept = withoutOutliers(ofClass, k);
  if (kept.length === 0) return "empty";
  const base = total(kept.map((trade) => trade.base));
  const quote = total(kept.map((trade) => trade.quote));
  const usd = question.usdRate === null ? null : ([quote * question.usdRate[0], ONE * question.usdRate[1]] as const);
  if (question.minUsd > 0n) {
    if (usd === null && question.refuseUnknown) return "unknown-usd-volume";
    if (usd !== null && usd[0] < question.minUsd * usd[1]) return "below-floor";
  }
  const sources = [...new Set(kept.map(({ source }) => source))].sort();
  return JSON.stringify({
    pair: question.pair,
    window_seconds: Number((to - from) / 1_000_000n),
    from: time(from),
    to: time(to),
    price: significant(quote, base, 18),
    base_volume: plain(base, SCALE),
    quote_volume: plain(quote, SCALE),
    usd_volume: usd === null ? null : significant(usd[0], usd[1], 18),
    trade_count: kept.length,
    sources: sources.map((source) => {
      const own = kept.filter((trade) => trade.source === source);
      const ownQuote = total(own.map((trade) => trade.quote));
      return {
        source,
        trade_count: own.length,
        base_volume: plain(total(own.map((trade) => trade.base)), SCALE),
        quote_volume: plain(ownQuote, SCALE),
        share: plain(halfEven(ownQuote * 10n ** 6n, quote), 6n),
      };
    }),
    dropped: { class: inWindow.length - ofClass.length, outlier: ofClass.length - kept.length },
    policy: question.policy,
  });
}

/** A trade's price in 10⁻³⁰, cut. */
export function priceOf({ base, quote }: Pick<OracleTrade, "base" | "quote">): bigint {
  return (quote * ONE) / base;
}

function withoutOutliers(trades: readonly OracleTrade[], [kUp, kDown]: readonly [bigint, bigint]): OracleTrade[] {
  const n = BigInt(trades.length);
  if (n < 3n || kUp === 0n) return [...trades];
  const prices = trades.map(priceOf);
  const sum = total(prices);
  const squares = total(prices.map((price) => price * price));
  return trades.filter((_, index) => {
    const distance = n * (prices[index] ?? 0n) - sum;
    return kDown * kDown * distance * distance <= kUp * kUp * (n * squares - sum * sum);
  });
}

function total(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}

function halfEven(dividend: bigint, divisor: bigint): bigint {
  const floor = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && floor % 2n === 1n) ? floor + 1n : floor;
}

/** dividend/divisor with so many significant digits, half-even, in plain notation. */
export function significant(dividend: bigint, divisor: bigint, digits: number): string {
  const units = (places: number): bigint =>
    places >= 0
      ? halfEven(dividend * 10n ** BigInt(places), divisor)
      : halfEven(dividend, divisor * 10n ** BigInt(-places));
  let decimals = digits - (dividend.toString().length - divisor.toString().length);
  while (units(decimals).toString().length > digits) decimals--;
  while (units(decimals + 1).toString().length <= digits) decimals++;
  return decimals >= 0
    ? plain(units(decimals), BigInt(decimals))
    : plain(units(decimals) * 10n ** BigInt(-decimals), 0n);
}

/** units/10^scale without trailing zeros. */
export function plain(units: bigint, scale: bigint): string {
  const digits = units.toString().padStart(Number(scale) + 1, "0");
  const point = digits.length - Number(scale);
  const fraction = digits.slice(point).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, point) : `${digits.slice(0, point)}.${fraction}`;
}

function time(micros: bigint): string {
  const iso = new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (micros % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return `${iso}${fraction === "" ? "" : `.${fraction}`}Z`;
}
