import { formatPair } from "../canonical/pair.ts";
import type { DeliverySettings } from "../config/sections/deliveries.ts";
import type { DeliveryFilter } from "../lib/delivery-filter.ts";

/** Returns which events a configured destination is told of. */
export function filterOf({ events, pairs, where }: DeliverySettings): DeliveryFilter {
  return { events, pairs: pairs.map(formatPair), where };
}

/** Returns the pointer to the key within which a destination's events are delivered in order, for `orderKeyOf`. */
export function orderPointerOf({ ordering, order_key }: DeliverySettings): string | null {
  return ordering === "none" ? null : order_key;
}
