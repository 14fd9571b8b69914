import { formatPair } from "../canonical/pair.ts";
import type { Logger } from "../obs/logger.ts";
import { type DivergenceEvent, divergenceChecked } from "./events.ts";

/**
 * Returns a listener that logs why references give no price: once per reference and kind of failure, and again when the
 * failure is over for every pair. Every check of every pair is logged at debug instead.
 */
export function makeReferenceLog(log: Pick<Logger, "warn" | "info">): (event: DivergenceEvent) => void {
  /** By reference and kind of failure: the pairs that have no price because of it. */
  const failing = new Map<string, Set<string>>();

  return ({ pair: of, outcome, failures }) => {
    // No reference was queried.
    if (outcome === "no_vwap") return;
    const pair = formatPair(of);
    const now = new Set(failures.map(({ reference, failure }) => `${reference} ${failure}`));
    for (const [kind, pairs] of failing) {
      if (now.has(kind) || !pairs.delete(pair) || pairs.size > 0) continue;
      failing.delete(kind);
      const [reference, failure] = kind.split(" ");
      log.info({ reference, failure }, "reference recovered");
    }
    for (const { reference, failure, reason } of failures) {
      const kind = `${reference} ${failure}`;
      const pairs = failing.get(kind);
      if (pairs !== undefined) pairs.add(pair);
      else {
        failing.set(kind, new Set([pair]));
        log.warn({ reference, failure, reason, pair }, "reference gives no price; further pairs are not logged");
      }
    }
  };
}

/**
 * Logs comparisons at debug, warnings at warn, and failures of references as {@link makeReferenceLog} does, until
 * `stop`.
 */
export function logDivergenceEvents(log: Logger): { stop: () => void } {
  const logReferences = makeReferenceLog(log);
  return {
    stop: divergenceChecked.subscribe(({ pair, outcome, divergence, failures }) => {
      const line = { pair: formatPair(pair), outcome, ...divergence, failures };
      if (divergence?.warning === true) log.warn(line, "price deviates from its references");
      else log.debug(line, "divergence");
      logReferences({ pair, outcome, divergence, failures });
    }),
  };
}
