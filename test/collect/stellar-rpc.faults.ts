import { expect, it, onTestFinished, vi } from "vitest";
import { parseTime } from "../../internal/canonical/time.ts";
import { ISSUER } from "../venues/horizon.ts";
import { MARKET, POOL, type StellarRpc, startStellarRpc } from "../venues/stellar-rpc.ts";
import { collecting, PATIENCE } from "./harness.ts";

const began = () => new Date(Date.now() - 60_000).toISOString();
const feedOf = (source: string) => `${source}:XLM-USDC.${ISSUER.slice(0, 12)}`;
const followed = (node: StellarRpc) => vi.waitUntil(() => node.connections() > 0, PATIENCE);

async function started(kind: "soroswap" | "aquarius" | "phoenix"): Promise<StellarRpc> {
  const node = await startStellarRpc(kind);
  onTestFinished(node.close);
  return node;
}

it("swaps of three exchanges are collected side by side, and those that could not be understood once they can", async () => {
  const nodes = await Promise.all((["soroswap", "aquarius", "phoenix"] as const).map(started));
  for (const node of nodes) for (let ago = 45; ago > 0; ago -= 5) node.markets.happen(MARKET, ago);
  const feeds = nodes.map(({ source }) => ({ source, pair: MARKET, market: POOL, start: began() }));
  const { work, complete, stored, database } = await collecting(nodes, feeds);
  work();
  const allComplete = () =>
    Promise.all(nodes.map((node) => complete(node, feedOf(node.source), node.markets.all().length)));
  await Promise.all(nodes.map(followed));
  for (const node of nodes) node.trade(MARKET, 3);
  await allComplete();

  // A value of another type, and a node that falls behind for a moment.
  for (const { markets } of nodes) markets.faults.wrongPrices = true;
  for (const node of nodes) node.trade(MARKET, 2);
  const unread = () => database.sql`SELECT DISTINCT source FROM control.unread_messages`;
  await expect.poll(unread, PATIENCE).toHaveLength(3);
  for (const { markets } of nodes) Object.assign(markets.faults, { wrongPrices: false, hole: true });
  for (const node of nodes) node.cut();
  await Promise.all(nodes.map(followed));
  for (const { markets } of nodes) markets.faults.hole = false;
  for (const node of nodes) node.trade(MARKET, 2);
  await allComplete();
  const [base, quote] = MARKET.split("/");
  for (const { source } of nodes) {
    const trades = await stored(source);
    expect(new Set(trades.map((trade) => `${trade.base}/${trade.quote}`))).toEqual(new Set([`${base}/${quote}`]));
  }
}, 240_000);

it("what a node has forgotten is a gap that a job names, and what follows is collected", async () => {
  const node = await started("aquarius");
  const feed = feedOf("aquarius");
  const { work, complete, stored, gaps, coveredTo, database } = await collecting(
    [node],
    [{ source: "aquarius", pair: MARKET, market: POOL, start: began() }],
  );
  work();
  await followed(node);
  node.trade(MARKET, 3);
  await complete(node, feed, 3);

  node.markets.faults.maintenance = true;
  node.cut();
  const lost = node.markets.happen(MARKET);
  node.retain(4);
  await vi.waitUntil(() => node.markets.now() > lost.ts + 7_000_000n, PATIENCE);
  node.markets.faults.maintenance = false;
  await followed(node);
  node.trade(MARKET, 2);
  await expect.poll(async () => (await stored("aquarius")).length, PATIENCE).toBe(5);
  const last = node.markets.all().at(-1)?.ts ?? 0n;
  await expect.poll(async () => ((await coveredTo(feed)) ?? 0n) > last, PATIENCE).toBe(true);
  const named = () =>
    database.sql`SELECT FROM control.job_history WHERE message LIKE 'the node has no ledger before %'`;
  await vi.waitUntil(async () => (await named()).length > 0, PATIENCE);
  const open = (await gaps(feed)).map((gap) => gap.split(" ").map(parseTime)) as [bigint, bigint][];
  expect(open.some(([from, to]) => from <= lost.ts && lost.ts < to)).toBe(true);
}, 240_000);
