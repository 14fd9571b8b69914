import { tickDone } from "../aggregator/events.ts";
import type { PriceStore } from "../cache/store.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";
import { type Database, pingDatabase } from "../storage/connection/database.ts";
import type { HealthCheck, Readiness } from "./ops-app.ts";

/** How many intervals may pass without a tick. */
const MISSED_INTERVALS = 3;

/**
 * Returns a check of the database: degraded where a standby answers that lags by more than the settle time.
 * @param settleSeconds returns the settle time currently in effect
 */
export function databaseCheck(database: Database, settleSeconds: () => number): HealthCheck {
  return async () => {
    const { position } = await pingDatabase(database);
    const trouble = database.trouble?.() ?? null;
    if (trouble !== null || position === null || position.lagSeconds <= Math.max(1, settleSeconds())) return trouble;
    return { degraded: `a standby, ${position.lagSeconds.toFixed(1)} s behind its primary` };
  };
}

/** Returns a function that reads the states of the circuits; a daemon without a price store has one. */
export function circuitsOf(database: Database, store: PriceStore | null): Readiness["circuits"] {
  return () => ({ database: database.breaker.state(), ...(store !== null && { redis: store.breaker.state() }) });
}

/** Returns a check that pings the price store. */
export function storeCheck(store: PriceStore): HealthCheck {
  return async () => {
    await store.ping();
    return null;
  };
}

/**
 * Returns a check of the ticks: healthy while the last tick's boundary is at most three intervals old, and at least one
 * of its targets succeeded.
 * @param timing returns the timing currently in effect
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
