import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Markets, type StandInTrade } from "./market.ts";
import { respond, type StandIn } from "./server.ts";

export const ISSUER = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const LEDGER_SECONDS = 5;
/** The first ledger that it has, and when that was closed. */
const FIRST = { sequence: 50_000_000n, closedAt: 1_760_000_000n };

/** The ledger in which something happens at a time: the one that closes next. */
function ledgerAt(ts: bigint): { sequence: bigint; closedAt: bigint } {
  const behind = ts / 1_000_000n - FIRST.closedAt;
  const index = behind / BigInt(LEDGER_SECONDS) + 1n;
  return { sequence: FIRST.sequence + index, closedAt: FIRST.closedAt + index * BigInt(LEDGER_SECONDS) };
}

/** A stand-in of Horizon: streams and pages of trades, ledgers, and its root. Trades show once their ledger is closed. */
export async function startHorizon(names: readonly string[] = [`native/USDC-${ISSUER}`]): Promise<StandIn> {
  const markets = new Markets(names);
  const { faults } = markets;
  const streams = new Map<ServerResponse, { market: string; after: string }>();
  let requests = 0;

  const tokenOf = ({ ts, number }: StandInTrade): string =>
    `${(ledgerAt(ts).sequence << 32n) + BigInt(number) * 4096n + 1n}-0`;
  const placeOf = (cursor: string): bigint => BigInt(cursor.split("-")[0] ?? "0");
  const closed = (market: string): StandInTrade[] =>
    markets.of(market).filter(({ ts }) => ledgerAt(ts).closedAt * 1_000_000n <= markets.now());
  const record = (trade: StandInTrade): object => {
    const { market, price, size, number, ts } = trade;
    const [scaled, unit] = [BigInt(price.replace("0.", "")), 1_000_000n];
    const amount = size.replace(".", "");
    const counter = (BigInt(amount) * scaled * 10n ** 7n) / (unit * 100n);
    const counterText = `${counter / 10_000_000n}.${String(counter % 10_000_000n).padStart(7, "0")}`;
    const [code, issuer] = (market.split("/")[1] ?? "").split("-");
    return {
      ...{ _links: {}, id: tokenOf(trade), paging_token: tokenOf(trade) },
      ledger_close_time: new Date(Number(ledgerAt(ts).closedAt) * 1000).toISOString().replace(".000Z", "Z"),
      ...(number % 3 === 0
        ? { trade_type: "liquidity_pool", liquidity_pool_fee_bp: 30, base_liquidity_pool_id: "a".repeat(64) }
        : { trade_type: "orderbook", offer_id: String(number), base_offer_id: "1", base_account: ISSUER }),
      ...{ base_amount: faults.wrongPrices ? null : `${size}00000`, base_asset_type: "native" },
      ...{ counter_account: ISSUER, counter_amount: counterText, counter_asset_type: "credit_alphanum4" },
      ...{ counter_asset_code: code, counter_asset_issuer: issuer, base_is_seller: true },
      price: { n: String(scaled), d: String(unit) },
    };
  };

  function page(url: URL): StandInTrade[] {
    const market = marketOf(url);
    const cursor = url.searchParams.get("cursor") ?? "0";
    const all = closed(market);
    const limit = Number(url.searchParams.get("limit") ?? "10");
    if (url.searchParams.get("order") === "desc") return all.slice(-limit).reverse();
    return all.filter((trade) => cursor !== "now" && placeOf(tokenOf(trade)) > placeOf(cursor)).slice(0, limit);
  }
  function marketOf(url: URL): string {
    const side = (name: string): string => {
      if (url.searchParams.get(`${name}_asset_type`) === "native") return "native";
      return `${url.searchParams.get(`${name}_asset_code`)}-${url.searchParams.get(`${name}_asset_issuer`)}`;
    };
    return `${side("base")}/${side("counter")}`;
  }
  function answer(url: URL): { status?: number; body: unknown } | undefined {
    const now = ledgerAt(markets.now() - BigInt(LEDGER_SECONDS) * 1_000_000n);
    const time = (at: bigint): string => new Date(Number(at) * 1000).toISOString().replace(".000Z", "Z");
    if (url.pathname === "/") {
      const latest = {
        history_latest_ledger: Number(now.sequence),
        history_latest_ledger_closed_at: time(now.closedAt),
      };
      return { body: { horizon_version: "stand-in", ...latest, history_elder_ledger: Number(FIRST.sequence) } };
    }
    const [, sequence] = /^\/ledgers\/(\d+)$/.exec(url.pathname) ?? [];
    if (sequence !== undefined) {
      const closedAt = FIRST.closedAt + (BigInt(sequence) - FIRST.sequence) * BigInt(LEDGER_SECONDS);
      return { body: { sequence: Number(sequence), closed_at: time(closedAt) } };
    }
    if (url.pathname !== "/trades") return undefined;
    return { body: { _links: {}, _embedded: { records: page(url).map(record) } } };
  }

  const server = createServer((request, response) => {
    requests++;
    const url = new URL(request.url ?? "/", "http://localhost");
    if (request.headers.accept !== "text/event-stream") return respond({ markets, answer }, request, response);
    if (faults.maintenance) return void response.writeHead(503).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('retry: 1000\nevent: open\ndata: "hello"\n\n');
    const market = marketOf(url);
    const cursor = url.searchParams.get("cursor") ?? "now";
    const newest = closed(market).at(-1);
    const after = cursor === "now" ? (newest === undefined ? "0-0" : tokenOf(newest)) : cursor;
    streams.set(response, { market, after });
    response.on("close", () => streams.delete(response));
  });
  const sending = setInterval(() => {
    for (const [response, stream] of faults.stall || faults.hole ? [] : streams) {
      const due = closed(stream.market).filter((trade) => placeOf(tokenOf(trade)) > placeOf(stream.after));
      for (const trade of faults.duplicates ? due.flatMap((each) => [each, each]) : due) {
        response.write(`id: ${tokenOf(trade)}\ndata: ${JSON.stringify(record(trade))}\n\n`);
        stream.after = tokenOf(trade);
      }
    }
  }, 100);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ source: "sdex", live: base, rest: base, markets },
    trade: (market, count = 1) => {
      for (let done = 0; done < count; done++) markets.happen(market);
    },
    say: (text) => {
      for (const response of streams.keys()) response.write(`data: ${text}\n\n`);
    },
    cut: (isInFrame = false) => {
      for (const response of streams.keys()) {
        if (isInFrame) response.write('id: 1-0\ndata: {"trade_ty');
        setTimeout(() => response.destroy(), isInFrame ? 20 : 0);
      }
    },
    connections: () => streams.size,
    requests: () => requests,
    close: async () => {
      clearInterval(sending);
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
