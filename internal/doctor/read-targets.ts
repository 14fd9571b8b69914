import { vwapKey } from "../cache/keys.ts";
import { openStore } from "../cache/open-store.ts";
import { type TargetState, targetState } from "../cache/target-state.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import type { Config } from "../config/schema.ts";

/**
 * Reads the state of every configured target from the store, ordered by pair, then window.
 * @throws Error if the store does not answer in time
 */
export async function readTargets(config: Config, now: () => number = Date.now): Promise<TargetState[]> {
  const { windows, interval_seconds, settle_seconds } = config.aggregate;
  const targets = publishedPairs(config).flatMap((pair) => windows.map((windowSeconds) => ({ pair, windowSeconds })));
  const store = openStore(config.redis);
  try {
    const held = await store.readWithTtl(targets.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds)));
    const at = BigInt(now()) * 1000n;
    const timing = { intervalSeconds: interval_seconds, settleSeconds: settle_seconds };
    return targets.map((target, index) => targetState(target, held[index] ?? null, at, timing));
  } finally {
    await store.close();
  }
}
