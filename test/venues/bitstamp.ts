import { Markets, type StandInTrade, withExponent } from "./market.ts";
import { type Client, type StandIn, startStandIn } from "./server.ts";

const CLOCK_CHANNEL = "diff_order_book_btcusd";
const BUSIEST = "btcusd";
const SPANS: ReadonlyMap<string | null, bigint> = new Map([
  ["minute", 60n],
  [null, 3600n],
  ["hour", 3600n],
  ["day", 86_400n],
]);
const SECOND = 1_000_000n;

/** A stand-in of Bitstamp: WebSocket API v2, and the lists of trades of HTTP API v2, whose times are cut to seconds. */
export function startBitstamp(names: readonly string[] = ["xlmusd", "btcusd", "ethusd"]): Promise<StandIn> {
  const markets = new Markets(names, 619_500_001);
  const { faults } = markets;
  const shown = (price: string): string => {
    if (faults.wrongPrices) return `{"value":"${price}"}`;
    return `"${faults.exponents ? withExponent(price) : price}"`;
  };
  return startStandIn({
    ...{ source: "bitstamp", markets },
    receive: (text, client) => receive(JSON.parse(text), client),
    told: ({ market, number, price, size, ts }) =>
      `{"data":{"id":${number},"timestamp":"${ts / SECOND}","amount":${size},"amount_str":"${size}","price":${price},"price_str":${shown(price)},"type":0,"microtimestamp":"${ts}","buy_order_id":2,"sell_order_id":1},"channel":"live_trades_${market}","event":"trade"}`,
    beat: (client) => {
      if (!client.subscribed.has(CLOCK_CHANNEL)) return;
      const time = markets.now();
      const data = { timestamp: String(time / SECOND), microtimestamp: String(time), bids: [], asks: [] };
      client.send({ data, channel: CLOCK_CHANNEL, event: "data" });
    },
    answer: (url) => {
      const [, market = ""] = /^\/api\/v2\/transactions\/([^/]+)\/$/.exec(url.pathname) ?? [];
      const span = SPANS.get(url.searchParams.get("time"));
      if (!markets.has(market) || span === undefined) return undefined;
      const since = markets.now() - span * SECOND;
      const found = markets.of(market).filter(({ ts }) => ts >= since);
      const rows = found.map(entry).reverse();
      // In the busiest market there was a trade when the list begins.
      return { body: market === BUSIEST ? [...rows, oldest(since)] : rows };
    },
  });

  function receive(
    { event, data }: { readonly event: string; readonly data?: { readonly channel?: string } },
    client: Client,
  ): void {
    if (event === "bts:heartbeat") {
      client.send({ event, channel: "", data: { status: "success" } });
      return;
    }
    const channel = data?.channel ?? "";
    // A market that does not exist is accepted, and stays silent; a name that cannot be one is not.
    if (!/^[a-z_]+_[a-z0-9]+$/.test(channel)) {
      client.send({ event: "bts:error", channel: "", data: { code: null, message: "Invalid channel provided." } });
      return;
    }
    client.subscribed.add(channel.replace(/^live_trades_/, ""));
    client.send({ event: "bts:subscription_succeeded", channel, data: {} });
  }
}

function entry({ number, ts, price, size }: StandInTrade): object {
  return { date: String(ts / SECOND), tid: String(number), amount: size, type: "0", price };
}

function oldest(since: bigint): object {
  return { date: String(since / SECOND + 1n), tid: "1", amount: "0.1", type: "0", price: "90000" };
}
