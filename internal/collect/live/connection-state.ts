/** How long a connection may take for each thing, in seconds. */
export interface ConnectionTimes {
  readonly openSeconds: number;
  /** Until every subscription is acknowledged. */
  readonly acknowledgeSeconds: number;
  /** Without any message of the venue's protocol; null where a quiet market sends none. */
  readonly silenceSeconds: number | null;
  /** Without any frame a ping is sent; without one for as long again the connection is dead. Null where there are no pings. */
  readonly idleSeconds: number | null;
}

export const DEFAULT_TIMES: Omit<ConnectionTimes, "silenceSeconds"> = {
  openSeconds: 10,
  acknowledgeSeconds: 10,
  idleSeconds: 10,
};

/** What is known of one connection; times in seconds on a monotonic clock. */
export interface ConnectionState {
  readonly startedAt: number;
  readonly openedAt: number | null;
  /** Any frame, also an answer to a ping. */
  readonly frameAt: number;
  readonly messageAt: number;
  readonly pingAt: number | null;
  /** Markets whose subscription was not answered yet. */
  readonly unanswered: ReadonlySet<string>;
  readonly marketCount: number;
  /** Markets whose subscription an earlier connection has waited for in vain. */
  readonly doubted: ReadonlySet<string>;
  /** Markets that the venue does not have, and what it said. */
  readonly refused: ReadonlyMap<string, string>;
}

export type ConnectionEvent =
  | { readonly type: "opened" }
  | { readonly type: "frame" }
  | { readonly type: "message" }
  | { readonly type: "subscribed"; readonly market: string }
  | { readonly type: "refused"; readonly market: string; readonly reason: string }
  | { readonly type: "tick" };

export interface ConnectionStep {
  readonly state: ConnectionState;
  readonly action: "none" | "subscribe" | "ping" | Closing | Refusal;
}

export interface Closing {
  readonly close: string;
  /** Markets whose subscription was waited for in vain; empty where it is closed for another reason. */
  readonly doubted: ReadonlySet<string>;
}

/** Markets are given up, so that they do not keep the others of the connection from being collected. */
export interface Refusal {
  readonly refuse: ReadonlySet<string>;
  readonly reason: string;
}

export function newConnection(markets: readonly string[], doubted: ReadonlySet<string>, now: number): ConnectionState {
  return {
    ...{ startedAt: now, openedAt: null, frameAt: now, messageAt: now, pingAt: null },
    ...{ unanswered: new Set(markets), marketCount: markets.length, doubted },
    refused: new Map(),
  };
}

/** Returns whether every market is subscribed that the venue has. */
export function isLive({ openedAt, unanswered }: ConnectionState): boolean {
  return openedAt !== null && unanswered.size === 0;
}

/** Decides what to do next with a connection. */
export function stepConnection(
  times: ConnectionTimes,
  state: ConnectionState,
  event: ConnectionEvent,
  now: number,
): ConnectionStep {
  switch (event.type) {
    case "opened":
      return { state: { ...state, openedAt: now, frameAt: now, messageAt: now }, action: "subscribe" };
    case "frame":
      return { state: { ...state, frameAt: now, pingAt: null }, action: "none" };
    case "message":
      return { state: { ...state, frameAt: now, messageAt: now, pingAt: null }, action: "none" };
    case "subscribed":
      return { state: { ...state, unanswered: without(state.unanswered, event.market) }, action: "none" };
    case "refused":
      return {
        state: {
          ...state,
          unanswered: without(state.unanswered, event.market),
          refused: new Map([...state.refused, [event.market, event.reason]]),
        },
        action: "none",
      };
    case "tick":
      return onTick(times, state, now);
  }
}

function onTick(times: ConnectionTimes, state: ConnectionState, now: number): ConnectionStep {
  const { openSeconds, acknowledgeSeconds, silenceSeconds, idleSeconds } = times;
  const close = (reason: string, doubted: ReadonlySet<string> = new Set()): ConnectionStep => ({
    state,
    action: { close: reason, doubted },
  });
  if (state.openedAt === null) {
    return now - state.startedAt >= openSeconds
      ? close(`it did not open within ${openSeconds} s`)
      : { state, action: "none" };
  }
  if (state.unanswered.size > 0 && now - state.openedAt >= acknowledgeSeconds) {
    const { unanswered, doubted, marketCount } = state;
    const [first] = unanswered;
    const reason = `the subscription of ${first} was not acknowledged within ${acknowledgeSeconds} s`;
    const isAgain = unanswered.size < marketCount && [...unanswered].every((market) => doubted.has(market));
    return isAgain ? { state, action: { refuse: unanswered, reason } } : close(reason, unanswered);
  }
  if (silenceSeconds !== null && now - state.messageAt >= silenceSeconds) {
    return close(`nothing was said for ${silenceSeconds} s`);
  }
  if (idleSeconds === null) return { state, action: "none" };
  if (state.pingAt !== null && now - state.pingAt >= idleSeconds) {
    return close(`a ping was not answered within ${idleSeconds} s`);
  }
  if (state.pingAt === null && now - state.frameAt >= idleSeconds) {
    return { state: { ...state, pingAt: now }, action: "ping" };
  }
  return { state, action: "none" };
}

function without(markets: ReadonlySet<string>, market: string): ReadonlySet<string> {
  return new Set([...markets].filter((each) => each !== market));
}
