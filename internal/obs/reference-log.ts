import type { Logger } from "pino";
import { formatPair } from "../canonical/pair.ts";
import type { DivergenceEvent } from "./events.ts";

/**
 * Logs why references give no price, once for each reference and kind of failure until it is over for every pair, however
 * many pairs and checks it meets: what each check said of each pair is there at debug.
 */
export function referenceLog(log: Pick<Logger, "warn" | "info">): (event: DivergenceEvent) => void {
  /** By reference and kind of failure: the pairs without a price for it. */
  const failing = new Map<string, Set<string>>();

  return ({ pair: of, outcome, failures }) => {
    // Nobody was asked.
    if (outcome === "no_vwap") return;
    const pair = formatPair(of);
    const now = new Set(failures.map(({ reference, failure }) => `${reference} ${failure}`));
    for (const [kind, pairs] of failing) {
      if (now.has(kind) || !pairs.delete(pair) || pairs.size > 0) continue;
      failing.delete(kind);
      const [reference, failure] = kind.split(" ");
      log.info({ reference, failure }, "reference gives its prices again");
    }
    for (const { reference, failure, reason } of failures) {
      const kind = `${reference} ${failure}`;
      const pairs = failing.get(kind);
      if (pairs !== undefined) pairs.add(pair);
      else {
        failing.set(kind, new Set([pair]));
        log.warn({ reference, failure, reason, pair }, "reference gives no price; further pairs are not named");
      }
    }
  };
}
