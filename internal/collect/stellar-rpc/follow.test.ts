import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type StellarRpc, startStellarRpc } from "../../../test/venues/stellar-rpc.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { createHttpReader } from "../../http/client.ts";
import type { Connector, TradePage } from "../connector.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { makeVenueRequests } from "../venue-get.ts";
import { readPools } from "./market.ts";
import { aquarius, phoenix, soroswap } from "./stellar-rpc.ts";
import { PAIR, POOL, type PoolKind, TOKENS } from "./swap-events.testing.ts";

const MARKET = `${PAIR.base}/${PAIR.quote}`;
const CONNECTORS = { soroswap, aquarius, phoenix, "phoenix-blended": phoenix };
const request = createHttpReader({ requestsPerMinute: 6000, retries: 0 });
const { signal } = new AbortController();
const { get, download } = makeVenueRequests(request, async () => {}, signal);

async function started(kind: PoolKind): Promise<StellarRpc> {
  const node = await startStellarRpc(kind);
  onTestFinished(node.close);
  return node;
}

function feedOf(kind: PoolKind, pools = POOL): CollectedFeed {
  const { source } = CONNECTORS[kind];
  return { feed: `${source}:test`, source, pair: PAIR, market: readPools(pools, PAIR) };
}

/** Follows a node until enough has been said, without pauses that are longer than a moment. */
async function follow(
  { live }: Connector,
  node: StellarRpc,
  feeds: readonly CollectedFeed[],
  cursor: string | null,
  isEnough: (messages: readonly VenueMessage[]) => boolean,
): Promise<VenueMessage[]> {
  const messages: VenueMessage[] = [];
  const endpoint = { live: node.live, rest: node.rest };
  for await (const each of live.follow?.(get, endpoint, feeds, cursor, () => sleep(50)) ?? []) {
    messages.push(...each.messages);
    if (isEnough(messages)) break;
  }
  return messages;
}

async function history(node: StellarRpc, kind: PoolKind, from: Micros, to: Micros, feed = feedOf(kind)) {
  const pages: TradePage[] = [];
  let error: Error | null = null;
  const endpoint = { live: node.live, rest: node.rest };
  try {
    for await (const page of CONNECTORS[kind].history(get, { feed, endpoint, from, to }, download)) pages.push(page);
  } catch (thrown) {
    error = thrown as Error;
  }
  const trades = pages.flatMap((page) => page.trades);
  return { pages, trades, error, covered: pages.flatMap(({ complete }) => complete ?? []) };
}

const tradesOf = (messages: readonly VenueMessage[]) =>
  messages.flatMap((each) => (each.type === "trade" ? [each.trade] : []));
const types = (messages: readonly VenueMessage[]) => messages.map(({ type }) => type);
const nowMicros = () => BigInt(Date.now()) * 1000n;

describe.each(["soroswap", "aquarius", "phoenix", "phoenix-blended"] as const)("a node with a pool of %s", (kind) => {
  it("is followed from its newest ledger, and from a cursor without a hole", async () => {
    const node = await started(kind);
    node.markets.happen(MARKET, 30);
    const first = await follow(CONNECTORS[kind], node, [feedOf(kind)], null, (all) => types(all).includes("clock"));
    expect(types(first)).toEqual(["subscribed", "clock"]);
    const [, clock] = first;
    if (clock?.type !== "clock" || clock.cursor === undefined) throw new Error("there is no cursor");
    for (let count = 0; count < 5; count++) node.markets.happen(MARKET);
    // Pages that are cut within a swap go on with that swap.
    node.limit(kind === "phoenix" ? 20 : 3);
    const isEnough = (all: readonly VenueMessage[]) => tradesOf(all).length >= 5 && all.at(-1)?.type === "clock";
    const rest = await follow(CONNECTORS[kind], node, [feedOf(kind)], clock.cursor, isEnough);
    const trades = tradesOf(rest);
    expect(trades).toHaveLength(5);
    expect(types(rest).filter((each) => !["subscribed", "alive", "trade", "clock"].includes(each))).toEqual([]);
    const last = rest.at(-1);
    const newest = trades.reduce((latest, { ts }) => (ts > latest ? ts : latest), 0n);
    expect(last?.type === "clock" && last.time > newest).toBe(true);
  });

  it("has a window's swaps page by page, each second of it once", async () => {
    const node = await started(kind);
    for (let ago = 600; ago > 0; ago -= 25) node.markets.happen(MARKET, ago);
    node.limit(kind === "phoenix" ? 40 : 5);
    const [from, to] = [nowMicros() - seconds(500), nowMicros() - seconds(10)];
    const { trades, error, covered, pages } = await history(node, kind, from, to);
    expect(error).toBeNull();
    expect(pages.length).toBeGreaterThan(3);
    expect(covered.map((each, index) => each.from === (covered[index - 1]?.to ?? from))).not.toContain(false);
    expect(covered.at(-1)?.to).toBe(to);
    const within = trades.filter(({ ts }) => ts >= from && ts < to);
    const happened = node.markets.of(MARKET).filter(({ ts }) => {
      const closedAt = ts - (ts % 1_000_000n) + 1_000_000n;
      return closedAt >= from && closedAt < to;
    });
    expect(within).toHaveLength(happened.length);
    expect(new Set(within.map(({ tradeId }) => tradeId)).size).toBe(within.length);
  });
});

describe("a node", () => {
  it("that keeps less than the window has the rest of it, and says from when on", async () => {
    const node = await started("aquarius");
    for (const ago of [300, 200, 100, 50]) node.markets.happen(MARKET, ago);
    node.retain(150);
    const [from, to] = [nowMicros() - seconds(250), nowMicros() - seconds(10)];
    const { trades, error, covered } = await history(node, "aquarius", from, to);
    expect(trades).toHaveLength(2);
    const begin = covered[0]?.from ?? 0n;
    expect(error?.name).toBe("HistoryGone");
    expect(error?.message).toContain(`no ledger before ${formatTime(begin)}`);
    expect(error?.message).toContain(`from ${formatTime(from)} until then`);
    const gone = await history(node, "aquarius", from, from + seconds(60));
    expect(gone).toMatchObject({ trades: [], covered: [], error: { name: "HistoryGone" } });
  });

  it("whose newest ledger does not reach the window's end is asked again later", async () => {
    const node = await started("aquarius");
    const now = nowMicros();
    const { error, covered } = await history(node, "aquarius", now - seconds(60), now + seconds(60));
    expect(error).toMatchObject({ name: "VenueUnavailable", message: expect.stringContaining("newest ledger") });
    expect(covered.at(-1)?.to).toBeLessThan(now + seconds(60));
  });

  it("that has forgotten the cursor's ledger says so, and one that is behind it is waited for", async () => {
    const node = await started("soroswap");
    const oldCursor = `${(40_000_000n << 32n) - 1n}-0`;
    const [lost] = await follow(soroswap, node, [feedOf("soroswap")], oldCursor, (all) => all.length > 0);
    expect(lost).toMatchObject({ type: "lost", reason: expect.stringMatching(/^the node has no ledger before \d+/) });
    const future = `${(2_000_000_000n << 32n) - 1n}-0`;
    await expect(follow(soroswap, node, [feedOf("soroswap")], future, () => true)).rejects.toThrow(
      /^the node is at ledger \d+, behind 1999999999, which was told before$/,
    );
  });

  it("is asked whether a pool is there and holds the pair's tokens", async () => {
    const node = await started("aquarius");
    const missing = await follow(aquarius, node, [feedOf("aquarius", TOKENS.base)], null, (all) => all.length > 0);
    expect(missing).toMatchObject([{ type: "refused", reason: `the network has no contract ${TOKENS.base}` }]);
    const euro = "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2";
    const pair = { ...PAIR, quote: euro as typeof PAIR.quote };
    const wrong = { ...feedOf("aquarius"), pair, market: readPools(POOL, pair) };
    const refused = await follow(aquarius, node, [wrong, feedOf("aquarius")], null, (all) => all.length > 1);
    expect(refused).toMatchObject([
      { type: "refused", market: wrong.market, reason: expect.stringContaining(`${POOL} does not hold`) },
      { type: "subscribed", market: feedOf("aquarius").market },
    ]);
    expect((await history(node, "aquarius", 0n, 1n, wrong)).error?.name).toBe("VenueRefused");
  });

  it("that answers with something else is left, and what it said is kept", async () => {
    const node = await started("phoenix");
    node.say('{"jsonrpc":"2.0","result":{"events":[]}}');
    const said: string[] = [];
    const endpoint = { live: node.live, rest: node.rest };
    const following = async () => {
      for await (const { text, messages } of phoenix.live.follow?.(get, endpoint, [feedOf("phoenix")], null, sleep) ??
        []) {
        for (const each of messages) said.push(`${each.type}: ${text}`);
      }
    };
    await expect(following()).rejects.toThrow("the node's answer could not be understood: latestLedger is missing");
    expect(said).toEqual(['invalid: {"jsonrpc":"2.0","result":{"events":[]}}']);
    await vi.waitFor(async () => {
      node.markets.faults.throttled = 1;
      await expect(following()).rejects.toMatchObject({ name: "VenueThrottled", retryAfterSeconds: 1 });
    });
  });
});
