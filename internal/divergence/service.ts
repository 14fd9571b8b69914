import { DIVERGENCE_TTL_SECONDS, type Divergence, serializeDivergence } from "../cache/divergence.ts";
import { divergenceKey, vwapKey } from "../cache/keys.ts";
import type { PriceStore } from "../cache/store.ts";
import { PoisonedValueError, parsePublished } from "../cache/value.ts";
import { asError } from "../canonical/as-error.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import { type DivergenceFailure, type DivergenceOutcome, divergenceChecked } from "../obs/events.ts";
import { compareWithReferences, type DivergenceRules, type NamedQuote } from "./compare.ts";
import type { Reference, ReferenceAnswer } from "./reference.ts";
import type { ReadStoredQuotes } from "./stored-sources.ts";

export interface DivergenceContext {
  readonly store: PriceStore;
  readonly references: readonly Reference[];
  /** Null where what is in the database is not asked. */
  readonly storedQuotes: ReadStoredQuotes | null;
  /** The pairs that are published, and their shortest window. */
  readonly pairs: readonly Pair[];
  readonly windowSeconds: number;
  readonly rules: DivergenceRules;
  /** A pair is compared at most this often. */
  readonly minIntervalSeconds: number;
  /** An older reference price does not count. */
  readonly maxAgeSeconds: number;
  readonly now: () => Micros;
}

export interface DivergenceService {
  /**
   * Begins a check of our pairs that are due at a tick's boundary, unless one is under way. Returns at once and never throws.
   * It is the boundaries that are counted: ticks come some moments early or late, and would be due one too late.
   */
  readonly start: (boundary: Micros, isOurs: (pair: Pair) => boolean) => void;
  /** Waits for the check under way. */
  readonly settle: () => Promise<void>;
}

/** How far the clocks of references may be ahead. */
const CLOCK_TOLERANCE = seconds(300);

/** What was asked about a pair, and came of it. */
interface Asked {
  readonly pair: Pair;
  readonly quotes: Map<string, NamedQuote>;
  readonly failures: DivergenceFailure[];
}

/**
 * Holds the published prices against references outside, beside the ticks: however slow a reference is, no tick waits for
 * it. The outcome lives under a key of its own; published values never depend on it. After `signal` a check ends early.
 * @param context what a check works with; looked at as it begins, since it may change
 */
export function createDivergenceService(context: () => DivergenceContext, signal: AbortSignal): DivergenceService {
  const begun = new Map<string, Micros>();
  let running: Promise<void> | null = null;

  async function checkDue(boundary: Micros, isOurs: (pair: Pair) => boolean): Promise<void> {
    const current = context();
    const interval = seconds(current.minIntervalSeconds);
    const due = current.pairs.filter(
      (pair) => isOurs(pair) && boundary - (begun.get(formatPair(pair)) ?? 0n) >= interval,
    );
    for (const pair of due) begun.set(formatPair(pair), boundary);
    if (due.length > 0) await check(current, due, signal);
  }

  return {
    start: (boundary, isOurs) => {
      if (signal.aborted) return;
      running ??= checkDue(boundary, isOurs).finally(() => {
        running = null;
      });
    },
    settle: async () => {
      await running;
    },
  };
}

/** Checks the pairs and reports each; never rejects, and what fails for one pair harms no other. */
async function check(context: DivergenceContext, pairs: readonly Pair[], signal: AbortSignal): Promise<void> {
  let values: ReadonlyMap<Pair, PublishedValue>;
  try {
    values = await ownValues(context, pairs);
  } catch (error) {
    for (const pair of pairs) report(pair, "refresh_error", null, [unreachable("redis", error)]);
    return;
  }
  const priced = pairs.filter((pair) => values.has(pair));
  for (const pair of pairs) if (!values.has(pair)) report(pair, "no_vwap", null, []);
  for (const { pair, quotes, failures } of await askAll(context, priced, signal)) {
    // References that were not waited for say nothing: what is known of before stays.
    if (signal.aborted) return;
    const divergence = compareWithReferences(values.get(pair) as PublishedValue, [...quotes.values()], context.rules);
    try {
      await context.store.put(divergenceKey(pair), serializeDivergence(divergence), DIVERGENCE_TTL_SECONDS);
      report(pair, outcomeOf(divergence, failures), divergence, failures);
    } catch (error) {
      report(pair, "refresh_error", null, [unreachable("redis", error)]);
    }
  }
}

function report(
  pair: Pair,
  outcome: DivergenceOutcome,
  divergence: Divergence | null,
  failures: readonly DivergenceFailure[],
): void {
  divergenceChecked.publish({ pair, outcome, divergence, failures });
}

function unreachable(reference: string, error: unknown): DivergenceFailure {
  return { reference, failure: "unreachable", reason: asError(error).message };
}

/** Our prices; what is stored and is no value of the target is as good as none, and whoever serves it reports it. */
async function ownValues({ store, windowSeconds }: DivergenceContext, pairs: readonly Pair[]) {
  const texts = await store.read(pairs.map((pair) => vwapKey(pair, windowSeconds)));
  const values = new Map<Pair, PublishedValue>();
  for (const [index, pair] of pairs.entries()) {
    const text = texts[index];
    if (typeof text !== "string") continue;
    try {
      const value = parsePublished(text);
      if (value.pair === formatPair(pair) && value.window_seconds === windowSeconds) values.set(pair, value);
    } catch (error) {
      if (!(error instanceof PoisonedValueError)) throw error;
    }
  }
  return values;
}

/** Asks every reference about all pairs at once; pairs that nobody knows anything of are left out. */
async function askAll(
  { references, storedQuotes, maxAgeSeconds, now }: DivergenceContext,
  pairs: readonly Pair[],
  signal: AbortSignal,
): Promise<Asked[]> {
  const asked = new Map(
    pairs.map((pair): [string, Asked] => [formatPair(pair), { pair, quotes: new Map(), failures: [] }]),
  );
  const maxAge = seconds(maxAgeSeconds);
  const take = (pair: Pair, quote: NamedQuote): void => {
    const { quotes, failures } = asked.get(formatPair(pair)) as Asked;
    const { reference, asOf } = quote;
    const moment = now();
    const held = quotes.get(reference);
    if (asOf < moment - maxAge || asOf > moment + CLOCK_TOLERANCE) {
      const reason = asOf > moment ? "its price is of the future" : "its price is too old";
      failures.push({ reference, failure: "stale", reason });
    } else if (held === undefined || held.asOf < asOf) quotes.set(reference, quote);
  };
  const askOne = async (reference: Reference): Promise<void> => {
    const { name, covers } = reference;
    const covered = pairs.filter(covers);
    if (covered.length === 0) return;
    for (const answer of await answersOf(reference, covered, signal)) {
      if ("quote" in answer) take(answer.pair, { reference: name, price: answer.quote.price, asOf: answer.quote.asOf });
      else {
        const { failure, reason } = answer;
        asked.get(formatPair(answer.pair))?.failures.push({ reference: name, failure, reason });
      }
    }
  };
  const askStored = async (): Promise<void> => {
    if (storedQuotes === null) return;
    try {
      const stored = await unlessAborted(storedQuotes(pairs, now(), maxAge), signal);
      for (const pair of pairs) for (const quote of stored.get(formatPair(pair)) ?? []) take(pair, quote);
    } catch (error) {
      for (const { failures } of asked.values()) failures.push(unreachable("trades", error));
    }
  };
  await Promise.all([...references.map(askOne), askStored()]);
  return [...asked.values()].filter(({ quotes, failures }) => quotes.size > 0 || failures.length > 0);
}

/** What a reference says; an error that it should not have let out must not end the process. */
async function answersOf(
  { ask }: Reference,
  pairs: readonly Pair[],
  signal: AbortSignal,
): Promise<readonly ReferenceAnswer[]> {
  try {
    return await ask(pairs, signal);
  } catch (error) {
    // Its message may hold a key.
    const reason = `it failed (${asError(error).name})`;
    return pairs.map((pair) => ({ pair, failure: "unreachable", reason }));
  }
}

/** What the promise gives; rejects as soon as the signal aborts. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new Error("it was not waited for any longer"));
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

function outcomeOf({ checked }: Divergence, failures: readonly DivergenceFailure[]): DivergenceOutcome {
  if (checked) return "ok";
  return failures.some(({ failure }) => failure === "unreadable") ? "parse_error" : "refresh_error";
}
