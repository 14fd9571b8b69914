import type { Micros } from "../../canonical/time.ts";
import type { Connector, Followed, VenueAsk } from "../connector.ts";
import type { CollectedFeed, Endpoint } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import {
  type Closing,
  type ConnectionEvent,
  DEFAULT_TIMES,
  isLive,
  newConnection,
  type Refusal,
  stepConnection,
} from "./connection-state.ts";
import { openEventSource } from "./event-source.ts";
import { openFollowing } from "./following.ts";
import { pollingWire } from "./polling.ts";
import { openWebSocket } from "./websocket.ts";
import type { OpenWire, Wire, WireListener } from "./wire-events.ts";

/** How a connection ended. */
export interface ConnectionEnd {
  readonly reason: string;
  /** How long all markets were subscribed. */
  readonly liveSeconds: number;
  /** What the venue asked for; 0 for nothing. */
  readonly retryAfterSeconds: number;
  /** Markets whose subscription was waited for in vain. */
  readonly doubted: ReadonlySet<string>;
}

export interface ConnectionOptions {
  readonly connector: Connector;
  readonly endpoint: Endpoint;
  readonly feeds: readonly CollectedFeed[];
  readonly cursor: string | null;
  /** Markets whose subscription an earlier connection has waited for in vain. */
  readonly doubted: ReadonlySet<string>;
  readonly now: () => Micros;
  readonly stopwatch: () => number;
  readonly ask: VenueAsk;
  /** Gets each message while the connection is open; `text` is as it came, null for what was asked by request. */
  readonly onMessage: (message: VenueMessage, text: string | null) => void;
  readonly onLive: () => void;
  /** Called four times a second. Returns why the connection is to be ended; null for going on. */
  readonly onTick: () => string | null;
  /** Asks the venue how far its markets have come; see {@link Probe}. */
  readonly probe: (() => Promise<readonly VenueMessage[]>) | null;
  /** Follows a venue that is polled; see {@link Follow}. */
  readonly follow: ((pause: (seconds: number) => Promise<void>) => AsyncIterable<Followed>) | null;
}

const TICK_MS = 250;
/** A venue that has no time in its answers to pings is asked in this rhythm, in seconds. */
const PING_SECONDS = 5;
/** How long a venue is left alone that asks for fewer requests and says no time. */
const THROTTLED_SECONDS = 30;
/** A first question may wait for the pace of the host. */
const FIRST_ANSWER_SECONDS = 120;

/** Connects, subscribes, and hands on messages until the connection ends or the signal aborts. */
export function runConnection(options: ConnectionOptions, signal: AbortSignal): Promise<ConnectionEnd> {
  const { connector, endpoint, feeds, cursor, now, stopwatch, onMessage, onLive, onTick, probe, follow } = options;
  const { live } = connector;
  const isAsked = follow !== null || typeof live.transport === "object";
  const openSeconds = isAsked ? FIRST_ANSWER_SECONDS : DEFAULT_TIMES.openSeconds;
  const idleSeconds = live.transport === "events" ? null : DEFAULT_TIMES.idleSeconds;
  const times = {
    openSeconds,
    acknowledgeSeconds: DEFAULT_TIMES.acknowledgeSeconds,
    idleSeconds,
    silenceSeconds: live.silenceSeconds,
  };
  return new Promise((resolve) => {
    let state = newConnection(
      feeds.map(({ market }) => market),
      options.doubted,
      stopwatch(),
    );
    let liveSince: number | null = null;
    let isEnded = false;
    let why: { reason: string; retryAfterSeconds: number } | null = null;
    let doubted: ReadonlySet<string> = new Set();
    let pingedAt = stopwatch();
    let probedAt = Number.NEGATIVE_INFINITY;
    let isProbing = false;
    /** What was asked, until a ping that was sent later is answered. */
    let probed: readonly VenueMessage[] | null = null;

    const close = (reason: string, retryAfterSeconds = 0): void => {
      why ??= { reason, retryAfterSeconds };
      wire.close();
    };
    const step = (event: ConnectionEvent): void => {
      const next = stepConnection(times, state, event, stopwatch());
      state = next.state;
      if (next.action === "subscribe") for (const text of live.subscribe(feeds)) wire.send(text);
      else if (next.action === "ping") wire.ping();
      else if (typeof next.action === "object") giveUp(next.action);
      if (liveSince === null && isLive(state)) {
        liveSince = stopwatch();
        onLive();
      }
    };
    const giveUp = (action: Closing | Refusal): void => {
      if ("close" in action) {
        doubted = action.doubted;
        close(action.close);
        return;
      }
      const { refuse, reason } = action;
      for (const market of refuse) handle({ type: "refused", market, reason }, null);
    };
    const handle = (message: VenueMessage, text: string | null): void => {
      if (isEnded || why !== null) return;
      if (message.type === "subscribed" || message.type === "refused") step(message);
      if (message.type === "unavailable" || message.type === "lost") close(message.reason);
      if (message.type === "throttled") close(message.reason, THROTTLED_SECONDS);
      // Before the acknowledgement the venue's time says nothing about the market.
      if (message.type === "clock" && !isClockOf(message.market)) return;
      onMessage(message, text);
    };
    const isClockOf = (market: string | null): boolean =>
      market === null ? isLive(state) : state.openedAt !== null && !state.unanswered.has(market);

    async function ask(): Promise<void> {
      if (probe === null) return;
      isProbing = true;
      // The caller reports a failure; the next question is asked all the same.
      const messages = await probe().catch(() => []);
      isProbing = false;
      if (live.transport === "events") for (const message of messages) handle(message, null);
      else {
        probed = messages;
        wire.ping();
      }
    }

    const listener: WireListener = {
      onOpen: () => step({ type: "opened" }),
      onText: (text) => {
        step({ type: "message" });
        for (const message of live.decode(text, feeds, now())) handle(message, text);
      },
      onFrame: (isPong) => {
        step({ type: "frame" });
        if (!isPong || probed === null) return;
        const messages = probed;
        probed = null;
        for (const message of messages) handle(message, null);
      },
      onEnd: (reason, retryAfterSeconds) => end(why ?? { reason, retryAfterSeconds }),
    };
    const wire = openWire();
    function openWire(): Wire {
      if (follow === null) return openerOf(options)(live.url(endpoint, feeds, cursor), listener);
      return openFollowing(follow, listener, ({ text, messages }) => {
        if (messages.length > 0) step({ type: "message" });
        for (const message of messages) handle(message, text);
      });
    }
    const abort = (): void => close("the collector stops");
    const timer = setInterval(() => {
      step({ type: "tick" });
      const reason = onTick();
      if (reason !== null) close(reason);
      if (!isLive(state)) return;
      const moment = stopwatch();
      if (live.ping !== null && moment - pingedAt >= PING_SECONDS) {
        pingedAt = moment;
        wire.send(live.ping);
      }
      if (live.probe !== null && !isProbing && moment - probedAt >= live.probe.everySeconds) {
        probedAt = moment;
        void ask();
      }
    }, TICK_MS);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();

    function end({ reason, retryAfterSeconds }: { reason: string; retryAfterSeconds: number }): void {
      if (isEnded) return;
      isEnded = true;
      clearInterval(timer);
      signal.removeEventListener("abort", abort);
      const liveSeconds = liveSince === null ? 0 : stopwatch() - liveSince;
      resolve({ reason, retryAfterSeconds, liveSeconds, doubted });
    }
  });
}

function openerOf({ connector, endpoint, ask, now }: ConnectionOptions): OpenWire {
  const { transport } = connector.live;
  if (typeof transport === "object") return pollingWire({ polling: transport, endpoint, ask, now });
  return transport === "websocket" ? openWebSocket : openEventSource;
}
