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
  readonly method?: "sigma" | "mad";
  /** k as a fraction. */
  readonly k: Ratio;
  /** Per cent as a fraction; 0 is off. */
  readonly venueDeviation?: Ratio;
  /** By source, 100 where it is not said. */
  readonly weights?: ReadonlyMap<string, bigint>;
  /** The most that a source may make of the price, as a fraction; 0 is off. */
  readonly maxShare?: Ratio;
  /** USD per unit of quote as a fraction, or null where it is unknown. */
  readonly usdRate: Ratio | null;
  readonly minUsd: bigint;
  readonly refuseUnknown: boolean;
  readonly policy: string;
}

/** Numerator and denominator. */
export type Ratio = readonly [bigint, bigint];

const OFF: Ratio = [0n, 1n];
const SCALE = 30n;
const ONE = 10n ** SCALE;

/** The JSON line, or why nothing is published. */
export function oracleValue(trades: readonly OracleTrade[], question: OracleQuestion): string {
  const { from, to, counted, k } = question;
  const inWindow = trades.filter(({ ts }) => from <= ts && ts < to);
  const ofClass = inWindow.filter(({ source }) => counted === null || counted.has(source));
  const inside = question.method === "mad" ? withoutFarFromMedian(ofClass, k) : withoutOutliers(ofClass, k);
  const { venueDeviation = OFF, weights = new Map<string, bigint>(), maxShare = OFF } = question;
  const kept = withoutOddVenues(inside, venueDeviation);
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
    price: significant(...priceOfVenues(kept, weights, maxShare), 18),
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
    dropped: {
      class: inWindow.length - ofClass.length,
      outlier: ofClass.length - inside.length,
      ...(venueDeviation[0] === 0n ? {} : { venue: inside.length - kept.length }),
    },
    policy: question.policy,
  });
}

/** A trade's price in 10⁻³⁰, cut. */
export function priceOf({ base, quote }: Pick<OracleTrade, "base" | "quote">): bigint {
  return (quote * ONE) / base;
}

/** |p − median| > k·1.4826·MAD, on prices doubled and deviations doubled so that halves stay whole. */
function withoutFarFromMedian(trades: readonly OracleTrade[], [kUp, kDown]: Ratio): OracleTrade[] {
  if (trades.length < 3 || kUp === 0n) return [...trades];
  const twiceMedian = twiceMiddle(trades.map(priceOf));
  const twiceDeviation = (trade: OracleTrade) => magnitude(2n * priceOf(trade) - twiceMedian);
  const fourMad = twiceMiddle(trades.map(twiceDeviation));
  // A MAD of 0 counts as a thousandth of the median.
  const [madUp, madDown] = fourMad === 0n ? [twiceMedian, 2000n] : [fourMad, 4n];
  return trades.filter((trade) => twiceDeviation(trade) * kDown * 10_000n * madDown <= 2n * kUp * 14_826n * madUp);
}

function withoutOddVenues(trades: readonly OracleTrade[], [up, down]: Ratio): OracleTrade[] {
  const venues = venuesOf(trades);
  if (up === 0n || venues.length < 3) return [...trades];
  // All prices over one denominator, so that they are whole.
  const common = venues.reduce((product, { base }) => product * base, 1n);
  const prices = venues.map(({ base, quote }) => (quote * common) / base);
  const twiceMedian = twiceMiddle(prices);
  const odd = venues
    .filter((_, index) => magnitude(2n * (prices[index] ?? 0n) - twiceMedian) * 100n * down > up * twiceMedian)
    .map(({ source }) => source);
  return trades.filter(({ source }) => !odd.includes(source));
}

/** Σ weight·quote / Σ weight·base, with the biggest venues cut to `maxShare` of the whole: as few of them as it takes. */
function priceOfVenues(trades: readonly OracleTrade[], weights: ReadonlyMap<string, bigint>, [up, down]: Ratio): Ratio {
  const venues = venuesOf(trades)
    .map(({ source, base, quote }) => {
      const weight = weights.get(source) ?? 100n;
      return { base: base * weight, quote: quote * weight };
    })
    .sort((a, b) => (a.quote < b.quote ? 1 : -1));
  const quotes = (some: typeof venues) => total(some.map(({ quote }) => quote));
  if (up === 0n) return [quotes(venues), total(venues.map(({ base }) => base))];
  for (let capped = 0; capped < venues.length; capped++) {
    const free = venues.slice(capped);
    // The free ones are 1 − capped·cap of the whole; a capped one is `size` of it, over the common denominator `rest`.
    const rest = down - BigInt(capped) * up;
    if (rest <= 0n) break;
    const size = quotes(free) * up;
    if (free.some(({ quote }) => quote * rest > size)) continue;
    const parts: Ratio[] = venues.map(({ base, quote }, index) =>
      index < capped ? [base * size, quote * rest] : [base, 1n],
    );
    const [baseUp, baseDown] = parts.reduce(([a, b], [c, d]): Ratio => [a * d + c * b, b * d]);
    const whole: Ratio = [quotes(free) * rest + BigInt(capped) * size, rest];
    return [whole[0] * baseDown, whole[1] * baseUp];
  }
  // Too few for the cap: each makes the same part.
  const [up1, down1] = venues
    .map(({ base, quote }): Ratio => [base, quote])
    .reduce(([a, b], [c, d]): Ratio => [a * d + c * b, b * d]);
  return [BigInt(venues.length) * down1, up1];
}

function venuesOf(trades: readonly OracleTrade[]): { source: string; base: bigint; quote: bigint }[] {
  return [...new Set(trades.map(({ source }) => source))].map((source) => {
    const own = trades.filter((trade) => trade.source === source);
    return { source, base: total(own.map(({ base }) => base)), quote: total(own.map(({ quote }) => quote)) };
  });
}

/** The sum of the middle two of the sorted values; of an odd number, twice the middle one. */
function twiceMiddle(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : Number(a > b)));
  return (sorted[Math.floor((sorted.length - 1) / 2)] ?? 0n) + (sorted[Math.floor(sorted.length / 2)] ?? 0n);
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function withoutOutliers(trades: readonly OracleTrade[], [kUp, kDown]: Ratio): OracleTrade[] {
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
