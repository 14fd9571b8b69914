import { Markets, rfc3339, type StandInTrade, withExponent } from "./market.ts";
import { type StandIn, startStandIn } from "./server.ts";

/** A stand-in of Coinbase Exchange: its WebSocket feed with matches and heartbeats, and the REST endpoint of trades. */
export function startCoinbase(names: readonly string[] = ["XLM-USD", "BTC-USD", "ETH-USD"]): Promise<StandIn> {
  const markets = new Markets(names, 50_001);
  const { faults } = markets;
  const match = (type: string, { market, price, size, number, ts }: StandInTrade): unknown => ({
    ...{ type, trade_id: number, maker_order_id: `m-${number}`, taker_order_id: `t-${number}`, side: "sell" },
    ...{ size, product_id: market, sequence: number * 10, time: rfc3339(ts) },
    price: faults.wrongPrices ? { value: price } : faults.exponents ? withExponent(price) : price,
  });
  return startStandIn({
    ...{ source: "coinbase", markets },
    receive: (text, client) => {
      const { product_ids = [] } = JSON.parse(text) as { product_ids?: string[] };
      for (const market of product_ids) {
        if (!markets.has(market)) {
          client.send({ type: "error", message: "Failed to subscribe", reason: `${market} is not a valid product` });
          return;
        }
        client.subscribed.add(market);
        const last = markets.of(market).at(-1);
        if (last !== undefined) client.send(match("last_match", last));
      }
      const all = [...client.subscribed];
      const channels = ["matches", "heartbeat"].map((name) => ({ name, product_ids: all, account_ids: null }));
      client.send({ type: "subscriptions", channels });
    },
    told: (trade) => JSON.stringify(match("match", trade)),
    beat: (client) => {
      for (const market of client.subscribed) {
        const last = markets.of(market).at(-1)?.number ?? 0;
        const time = rfc3339(markets.now());
        client.send({ type: "heartbeat", sequence: last * 10, last_trade_id: last, product_id: market, time });
      }
    },
    answer: (url) => {
      const [, market = ""] = /^\/products\/([^/]+)\/trades$/.exec(url.pathname) ?? [];
      if (!markets.has(market)) return undefined;
      const after = Number(url.searchParams.get("after") ?? Number.MAX_SAFE_INTEGER);
      const limit = Number(url.searchParams.get("limit") ?? "1000");
      const found = markets
        .of(market)
        .filter(({ number }) => number < after)
        .slice(-limit)
        .reverse();
      return {
        body: found.map(({ number, ts, price, size }) => ({
          ...{ trade_id: number, side: "sell", size, price, time: rfc3339(ts) },
        })),
      };
    },
  });
}
