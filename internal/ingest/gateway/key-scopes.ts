import { EVENTS_READ, EVENTS_READ_ANY } from "./get-event.ts";
import { EVENTS_WRITE } from "./post-event.ts";
import { sourceScope } from "./trades-route.ts";

/** What the configuration says that a key may do. */
export interface KeyRights {
  readonly scopes: readonly string[];
  /** Whose trades it may write. */
  readonly sources: readonly string[];
}

/** Returns the scopes by which the routes know it: those of its sources, and those of the events that it sees. */
export function keyScopes({ scopes, sources }: KeyRights): string[] {
  const ofEvents = scopes.includes(EVENTS_READ)
    ? [EVENTS_READ_ANY]
    : scopes.includes(EVENTS_WRITE)
      ? [EVENTS_READ]
      : [];
  return [...scopes, ...sources.map(sourceScope), ...ofEvents];
}
