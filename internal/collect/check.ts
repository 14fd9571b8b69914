import { setTimeout as sleep } from "node:timers/promises";
import { formatDecimal } from "../canonical/decimal.ts";
import { formatPair } from "../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { createHttpReader } from "../http/client.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import type { Connector } from "./connector.ts";
import type { CollectedFeed, Endpoint } from "./feed.ts";
import { runConnection } from "./live/connection.ts";
import type { VenueMessage } from "./message.ts";
import { makeVenueRequests, type VenueRequests } from "./venue-get.ts";

export interface CheckOptions {
  readonly connector: Connector;
  readonly feed: CollectedFeed;
  readonly endpoint: Endpoint;
  readonly listenSeconds: number;
  readonly say: (line: string) => void;
}

/** How much of a message is shown. */
const SHOWN = 300;
const HISTORY: Micros = seconds(300);
/** A venue that is asked again and again may have little to tell. */
const POLLED_HISTORY: Micros = seconds(5 * 86_400);
/** Requests before this many seconds are over would be refused by the slowest venue. */
const PACE_MS = 1000;

/** Listens to a feed and asks for its last minutes, and says what came and how it was understood. Returns whether all was. */
export async function checkFeed(options: CheckOptions, signal: AbortSignal): Promise<boolean> {
  const { connector, feed, endpoint, say } = options;
  say(`connector  ${connector.name}`);
  say(`market     ${feed.market}, stored as ${formatPair(feed.pair)} of ${feed.source}`);
  const request = createHttpReader({ requestsPerMinute: 60, retries: 0, timeoutMs: 15_000 });
  const requests = makeVenueRequests(request, () => sleep(PACE_MS, undefined, { signal }), signal);
  const { get, download } = requests;
  const isLiveFine = await checkLive(options, requests, signal);
  if (signal.aborted) return false;
  if (connector.historySeconds === 0) return isLiveFine;
  // The path of an address may contain a key.
  say(`\nhistory    ${new URL(endpoint.rest).host}`);
  const to = systemClock.now() - seconds(10);
  const from = to - (typeof connector.live.transport === "object" ? POLLED_HISTORY : HISTORY);
  try {
    for await (const page of connector.history(get, { feed, endpoint, from, to }, download)) {
      const { trades, unread, complete } = page;
      const span = complete === null ? "no interval" : `${formatTime(complete.from)} to ${formatTime(complete.to)}`;
      say(`           a page of ${trades.length} trades; complete: ${span}`);
      for (const trade of trades.slice(0, 2)) say(`           ${described(trade)}`);
      for (const { message, reason } of unread.slice(0, 5))
        say(`  not understood: ${reason}: ${message.slice(0, SHOWN)}`);
      if (unread.length > 0) return false;
    }
  } catch (error) {
    say(`           failed: ${(error as Error).message}`);
    return false;
  }
  return isLiveFine;
}

async function checkLive(
  { connector, feed, endpoint, listenSeconds, say }: CheckOptions,
  { get, ask }: VenueRequests,
  signal: AbortSignal,
): Promise<boolean> {
  const { live } = connector;
  const { follow } = live;
  const url = live.url(endpoint, [feed], null);
  say(`\nlive       ${live.transport === "requests" ? url.host : url.href}`);
  for (const text of live.subscribe([feed])) say(`  sent     ${text}`);
  const until = AbortSignal.any([signal, AbortSignal.timeout(listenSeconds * 1000)]);
  let wasLive = false;
  let isUnderstood = true;
  const end = await runConnection(
    {
      ...{ connector, endpoint, feeds: [feed], cursor: null, now: systemClock.now, stopwatch, ask, probe: null },
      doubted: new Set<string>(),
      onTick: () => null,
      follow: follow === undefined ? null : (pause) => follow(get, endpoint, [feed], null, pause),
      onLive: () => {
        wasLive = true;
      },
      onMessage: (message, text) => {
        if (message.type === "invalid" || message.type === "refused") isUnderstood = false;
        say(`  said     ${(text ?? "").slice(0, SHOWN)}`);
        say(`  means    ${meaning(message)}`);
      },
    },
    until,
  );
  if (!until.aborted) say(`  ended    ${end.reason}`);
  if (!wasLive) say("  the market was not subscribed");
  return wasLive && isUnderstood;
}

function meaning(message: VenueMessage): string {
  if (message.type === "trade") return described(message.trade);
  if (message.type === "clock") {
    const last = message.lastNumber === null ? "" : `, the last trade is ${message.lastNumber}`;
    return `the venue's time is ${formatTime(message.time)}${last}`;
  }
  if ("reason" in message) return `${message.type}: ${message.reason}`;
  return message.type;
}

function described({ ts, tradeId, baseAmount, quoteAmount }: TradeRow): string {
  return `trade ${tradeId} at ${formatTime(ts)}: ${formatDecimal(baseAmount)} for ${formatDecimal(quoteAmount)}`;
}
