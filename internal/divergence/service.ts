import { DIVERGENCE_TTL_SECONDS, type Divergence, serializeDivergence } from "../cache/divergence.ts";
import { divergenceKey, vwapKey } from "../cache/keys.ts";
import type { PriceStore } from "../cache/store.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { type PublishedValue, parsePublished } from "../canonical/published.ts";
import { PoisonedValueError } from "../canonical/stored-text.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import { asError } from "../lib/as-error.ts";
import { makeSingleFlight } from "../lib/single-flight.ts";
import { unlessAborted } from "../lib/unless-aborted.ts";
import type { ReadStoredQuotes } from "../storage/trades/stored-quotes.ts";
import { compareWithReferences, type DivergenceRules, type NamedQuote } from "./compare.ts";
import { type DivergenceFailure, type DivergenceOutcome, divergenceChecked } from "./events.ts";
import type { Reference, ReferenceAnswer } from "./reference.ts";

export interface DivergenceContext {
  readonly store: PriceStore;
  readonly references: readonly Reference[];
  /** Reads reference prices that are stored as trades; null where these are not used. */
  readonly storedQuotes: ReadStoredQuotes | null;
  /** The published pairs; their shortest window, `windowSeconds`, is compared. */
  readonly pairs: readonly Pair[];
  readonly windowSeconds: number;
  readonly rules: DivergenceRules;
  /** Minimum time between two comparisons of a pair. */
  readonly minIntervalSeconds: number;
  /** Maximum age of a reference price. */
  readonly maxAgeSeconds: number;
  readonly now: () => Micros;
}

export interface DivergenceService {
  /**
   * Starts a check of this aggregator's pairs that are due at a tick's boundary, unless one is running. Returns
   * immediately and never throws. Intervals are measured between boundaries, because ticks run slightly early or late.
   */
  readonly start: (boundary: Micros, isOurs: (pair: Pair) => boolean) => void;
  /** Waits for the running check. */
  readonly settle: () => Promise<void>;
}

/** How far a reference's timestamp may be in the future. */
const CLOCK_TOLERANCE = seconds(300);

/** The references' results for a pair. */
interface PairQuotes {
  readonly pair: Pair;
  readonly quotes: Map<string, NamedQuote>;
  readonly failures: DivergenceFailure[];
}

/**
 * Compares the published prices with external references, in parallel with the ticks, so that a slow reference delays
 * no tick. The result has a key of its own; published values never depend on it. After `signal` aborts, a check ends
 * early.
 * @param context returns the dependencies of a check; called at its start, since a reload can change them
 */
export function createDivergenceService(context: () => DivergenceContext, signal: AbortSignal): DivergenceService {
  const begun = new Map<string, Micros>();
  const share = makeSingleFlight<void>();
  let latest: Promise<void> = Promise.resolve();

  async function checkDue(boundary: Micros, isOurs: (pair: Pair) => boolean): Promise<void> {
    const current = context();
    const interval = seconds(current.minIntervalSeconds);
    const isDue = (last: Micros): boolean => {
      // After a fast clock is corrected, checks must not pause until it has caught up.
      return boundary - last >= interval || boundary < last;
    };
    const due = current.pairs.filter((pair) => isOurs(pair) && isDue(begun.get(formatPair(pair)) ?? 0n));
    for (const pair of due) begun.set(formatPair(pair), boundary);
    if (due.length > 0) await check(current, due, signal);
  }

  return {
    start: (boundary, isOurs) => {
      if (signal.aborted) return;
      latest = share("check", null, () => checkDue(boundary, isOurs));
    },
    settle: () => latest,
  };
}

/** Checks the pairs and reports each. Never rejects; a failure of one pair does not affect others. */
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
  for (const { pair, quotes, failures } of await fetchAllQuotes(context, priced, signal)) {
    // An aborted check has incomplete results and must not replace the previous ones.
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

/** Reads the published values. Invalid stored values are skipped here; the API reports them. */
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

/** Queries all references in parallel; pairs without any quote or failure are omitted. */
async function fetchAllQuotes(
  { references, storedQuotes, maxAgeSeconds, now }: DivergenceContext,
  pairs: readonly Pair[],
  signal: AbortSignal,
): Promise<PairQuotes[]> {
  const results = new Map(
    pairs.map((pair): [string, PairQuotes] => [formatPair(pair), { pair, quotes: new Map(), failures: [] }]),
  );
  const maxAge = seconds(maxAgeSeconds);
  const addQuote = (pair: Pair, quote: NamedQuote): void => {
    const { quotes, failures } = results.get(formatPair(pair)) as PairQuotes;
    const { reference, asOf } = quote;
    const moment = now();
    const held = quotes.get(reference);
    if (asOf < moment - maxAge || asOf > moment + CLOCK_TOLERANCE) {
      const reason = asOf > moment ? "its price has a timestamp in the future" : "its price is too old";
      failures.push({ reference, failure: "stale", reason });
    } else if (held === undefined || held.asOf < asOf) quotes.set(reference, quote);
  };
  const fetchFrom = async (reference: Reference): Promise<void> => {
    const { name, covers } = reference;
    const covered = pairs.filter(covers);
    if (covered.length === 0) return;
    for (const answer of await fetchSafely(reference, covered, signal)) {
      if ("quote" in answer)
        addQuote(answer.pair, { reference: name, price: answer.quote.price, asOf: answer.quote.asOf });
      else {
        const { failure, reason } = answer;
        results.get(formatPair(answer.pair))?.failures.push({ reference: name, failure, reason });
      }
    }
  };
  const readStored = async (): Promise<void> => {
    if (storedQuotes === null) return;
    try {
      const stored = await unlessAborted(storedQuotes(pairs, now(), maxAge), signal);
      for (const pair of pairs) for (const quote of stored.get(formatPair(pair)) ?? []) addQuote(pair, quote);
    } catch (error) {
      for (const { failures } of results.values()) failures.push(unreachable("trades", error));
    }
  };
  await Promise.all([...references.map(fetchFrom), readStored()]);
  return [...results.values()].filter(({ quotes, failures }) => quotes.size > 0 || failures.length > 0);
}

/** Queries a reference; an unexpected rejection becomes a failure, so that it cannot end the process. */
async function fetchSafely(
  { fetchQuotes }: Reference,
  pairs: readonly Pair[],
  signal: AbortSignal,
): Promise<readonly ReferenceAnswer[]> {
  try {
    return await fetchQuotes(pairs, signal);
  } catch (error) {
    // The message may contain an API key.
    const reason = `it failed (${asError(error).name})`;
    return pairs.map((pair) => ({ pair, failure: "unreachable", reason }));
  }
}

function outcomeOf({ checked }: Divergence, failures: readonly DivergenceFailure[]): DivergenceOutcome {
  if (checked) return "ok";
  return failures.some(({ failure }) => failure === "unreadable") ? "parse_error" : "refresh_error";
}
