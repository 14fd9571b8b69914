import type { DeliveryFilter } from "../../lib/delivery-filter.ts";
import type { Sql } from "../connection/pool.ts";

/** Who is told of events. */
export interface Destination {
  readonly destination: string;
  readonly filter: DeliveryFilter;
  /** JSON pointer to the key within which events are delivered in order; empty: the pair, or the id. Null: no order. */
  readonly orderKey: string | null;
  /** Attempts after which a delivery is a dead letter. */
  readonly maxAttempts: number;
}

/** How much a destination bears. */
export interface DestinationLimits {
  /** Deliveries at once, over all daemons. */
  readonly concurrency: number;
  /** Deliveries a second, and how many at once after a rest; null for any number. */
  readonly pace: { readonly rate: number; readonly burst: number } | null;
}

/**
 * Makes these the destinations of the tenant, in the caller's transaction; others get no new events, and keep what they have.
 * A pace that a receiver has slowed down stays so, unless another one is configured.
 */
export async function declareDestinations(
  sql: Sql,
  tenant: string,
  all: readonly (Destination & DestinationLimits)[],
): Promise<void> {
  // Everybody locks them in this order.
  const sorted = [...all].sort((a, b) => (a.destination < b.destination ? -1 : 1));
  for (const { destination, filter, orderKey, maxAttempts, concurrency, pace } of sorted) {
    await sql`
      INSERT INTO events.destinations (tenant, destination, filter, order_key, max_attempts)
      VALUES (${tenant}, ${destination}, ${JSON.stringify(filter)}::text::jsonb, ${orderKey}, ${maxAttempts})
      ON CONFLICT (tenant, destination) DO UPDATE SET
        filter = excluded.filter, order_key = excluded.order_key, max_attempts = excluded.max_attempts, is_active = true`;
    await sql`
      INSERT INTO control.sources (tenant, source, max_concurrent) VALUES (${tenant}, ${destination}, ${concurrency})
      ON CONFLICT (tenant, source) DO UPDATE SET max_concurrent = excluded.max_concurrent`;
    if (pace === null) {
      await sql`
        UPDATE control.throttles SET max_rate = NULL, rate = NULL, burst = NULL, tokens = NULL
        WHERE tenant = ${tenant} AND host = ${destination} AND max_rate IS NOT NULL`;
      continue;
    }
    await sql`
      INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens)
      VALUES (${tenant}, ${destination}, ${pace.rate}, ${pace.rate}, ${pace.burst}, ${pace.burst})
      ON CONFLICT (tenant, host) DO UPDATE SET
        max_rate = excluded.max_rate, rate = excluded.rate, burst = excluded.burst, tokens = excluded.tokens,
        counted_at = clock_timestamp()
      WHERE (throttles.max_rate, throttles.burst) IS DISTINCT FROM (excluded.max_rate, excluded.burst)`;
  }
  await sql`
    UPDATE events.destinations SET is_active = false
    WHERE tenant = ${tenant} AND is_active AND destination <> ALL(${sorted.map(({ destination }) => destination)}::text[])`;
}

/** Returns the destinations that get new events. */
export async function readDestinations(sql: Sql, tenant: string): Promise<Destination[]> {
  return sql<Destination[]>`
    SELECT destination, filter, order_key AS "orderKey", max_attempts AS "maxAttempts" FROM events.destinations
    WHERE tenant = ${tenant} AND is_active ORDER BY destination`;
}
