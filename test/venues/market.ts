/** A trade at a stand-in: exact texts, and a time in microseconds. */
export interface StandInTrade {
  readonly market: string;
  readonly number: number;
  readonly ts: bigint;
  readonly price: string;
  readonly size: string;
}

/** What goes wrong at a stand-in; each can be switched on and off at any time. */
export interface Faults {
  /** Each trade is sent twice. */
  duplicates: boolean;
  /** Each trade is held back until the next one was sent. */
  outOfOrder: boolean;
  /** Trades happen, but are not sent live. */
  hole: boolean;
  /** Nothing is sent, not even signs of life. */
  stall: boolean;
  /** So many requests are refused with status 429. */
  throttled: number;
  /** The venue says that it is in maintenance, and refuses connections. */
  maintenance: boolean;
  /** Prices are written with an exponent. */
  exponents: boolean;
  /** Prices are sent in a form that is not documented. */
  wrongPrices: boolean;
  /** The venue's clock is ahead by so many seconds. */
  clockOffsetSeconds: number;
}

export function noFaults(): Faults {
  return {
    ...{ duplicates: false, outOfOrder: false, hole: false, stall: false, throttled: 0, maintenance: false },
    ...{ exponents: false, wrongPrices: false, clockOffsetSeconds: 0 },
  };
}

/** The trades that have happened, and how more happen. */
export class Markets {
  readonly faults = noFaults();
  readonly #trades = new Map<string, StandInTrade[]>();
  /** By a right clock. */
  #lastAt = 0n;

  constructor(markets: readonly string[], firstNumber = 1001) {
    for (const market of markets) this.#trades.set(market, []);
    this.firstNumber = firstNumber;
  }

  readonly firstNumber: number;

  names(): readonly string[] {
    return [...this.#trades.keys()];
  }

  has(market: string): boolean {
    return this.#trades.has(market);
  }

  of(market: string): readonly StandInTrade[] {
    return this.#trades.get(market) ?? [];
  }

  all(): readonly StandInTrade[] {
    return [...this.#trades.values()].flat();
  }

  /** The venue's time in microseconds. */
  now(): bigint {
    return BigInt(Date.now()) * 1000n + this.#clockOffset();
  }

  #clockOffset(): bigint {
    return BigInt(Math.round(this.faults.clockOffsetSeconds * 1e6));
  }

  /** Lets a trade happen; its amounts are those of its number, so that a list of trades is the same in each run. */
  happen(market: string, secondsAgo = 0): StandInTrade {
    const trades = this.#trades.get(market);
    if (trades === undefined) throw new Error(`the stand-in has no market ${market}`);
    const number = this.firstNumber + trades.length;
    const at = BigInt(Date.now()) * 1000n - BigInt(Math.round(secondsAgo * 1e6));
    // Two trades of one stand-in never share a microsecond.
    this.#lastAt = at > this.#lastAt ? at : this.#lastAt + 1n;
    const ts = this.#lastAt + this.#clockOffset();
    const price = `0.${String(200_000 + ((number * 37) % 9_000)).slice(0, 6)}`;
    const trade = { market, number, ts, price, size: `${1000 + (number % 97)}.${String(number % 10)}5` };
    trades.push(trade);
    return trade;
  }
}

/** A decimal text with an exponent that means the same. */
export function withExponent(text: string): string {
  const [whole = "0", fraction = ""] = text.split(".");
  return `${BigInt(whole + fraction)}e-${fraction.length}`;
}

export function rfc3339(micros: bigint): string {
  const date = new Date(Number(micros / 1000n)).toISOString().slice(0, -1);
  return `${date}${String(micros % 1000n).padStart(3, "0")}Z`;
}
