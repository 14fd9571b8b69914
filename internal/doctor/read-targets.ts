import { vwapKey } from "../cache/keys.ts";
import { openStore } from "../cache/store.ts";
import { type TargetState, targetState } from "../cache/target-state.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import type { Config } from "../config/schema.ts";

/**
 * What the store holds of every target of the configuration, windows within pairs.
 * @throws Error where the store does not answer within seconds
 */
export async function readTargets(config: Config, now: () => number = Date.now): Promise<TargetState[]> {
  const { windows, interval_seconds, settle_seconds } = config.aggregate;
  const targets = publishedPairs(config).flatMap((pair) => windows.map((windowSeconds) => ({ pair, windowSeconds })));
  const store = openStore(config.redis);
  try {
    const held = await store.readHeld(targets.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds)));
    const at = BigInt(now()) * 1000n;
    const timing = { intervalSeconds: interval_seconds, settleSeconds: settle_seconds };
    return targets.map((target, index) => targetState(target, held[index] ?? null, at, timing));
  } finally {
    await store.close();
  }
}
