import type { PriceStore } from "../cache/store.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";
import { type Database, pingDatabase } from "../storage/database.ts";
import { tickDone } from "./events.ts";
import type { HealthCheck, Readiness } from "./ops-server.ts";

/** Intervals that may pass without a tick. */
const MISSED_INTERVALS = 3;

/** @param settleSeconds how far behind a standby is still as good as the primary, at the moment */
export function databaseCheck(database: Database, settleSeconds: () => number): HealthCheck {
  return async () => {
    const { position } = await pingDatabase(database);
    const trouble = database.trouble?.() ?? null;
    if (trouble !== null || position === null || position.lagSeconds <= Math.max(1, settleSeconds())) return trouble;
    return { degraded: `a standby, ${position.lagSeconds.toFixed(1)} s behind its primary` };
  };
}

/** The circuits around both. */
export function circuitsOf(database: Database, store: PriceStore): Readiness["circuits"] {
  return () => ({ database: database.guard.state(), redis: store.guard.state() });
}

export function storeCheck(store: PriceStore): HealthCheck {
  return async () => {
    await store.ping();
    return null;
  };
}

/**
 * Well while the last tick's boundary is at most three intervals old, and not every target of it failed.
 * @param timing what the ticks go by at the moment
 */
export function lastTickCheck(
  timing: () => { intervalSeconds: number; settleSeconds: number },
  now: () => Micros,
): HealthCheck {
  let last: { to: Micros; failed: boolean } | null = null;
  tickDone.subscribe(({ to, targets, counts, error }) => {
    last = { to, failed: error !== null || (targets > 0 && counts.error === targets) };
  });
  return async () => {
    if (last === null) return "no tick yet";
    const age = Number((now() - last.to) / MICROS_PER_SECOND);
    const { intervalSeconds, settleSeconds } = timing();
    if (age > MISSED_INTERVALS * intervalSeconds + settleSeconds) return `the last tick's boundary is ${age} s old`;
    return last.failed ? "every target of the last tick failed" : null;
  };
}
