import { Markets, type StandInTrade, withExponent } from "./market.ts";
import { type StandIn, startStandIn } from "./server.ts";

/** A stand-in of Binance: streams of trades, and the REST endpoints of old and aggregate trades, in microseconds. */
export function startBinance(names: readonly string[] = ["XLMUSDT", "BTCUSDT", "ETHUSDT"]): Promise<StandIn> {
  const markets = new Markets(names, 9_000_001);
  const { faults } = markets;
  const shown = (price: string): string => {
    if (faults.wrongPrices) return `{"value":"${price}"}`;
    return `"${faults.exponents ? withExponent(price) : price}"`;
  };
  return startStandIn({
    ...{ source: "binance", path: "/ws", markets },
    receive: (text, client) => {
      const { params = [], id } = JSON.parse(text) as { params?: string[]; id: number };
      // A stream of a market that does not exist is accepted, and stays silent.
      for (const stream of params) client.subscribed.add(stream.replace(/@trade$/, "").toUpperCase());
      client.send({ result: null, id });
    },
    told: ({ market, number, price, size, ts }) =>
      `{"e":"trade","E":${ts},"s":"${market}","t":${number},"p":${shown(price)},"q":"${size}","T":${ts},"m":true,"M":true}`,
    answer: (url, request) => {
      const isMicros = request.headers["x-mbx-time-unit"] === "MICROSECOND";
      const time = (ts: bigint): number => Number(isMicros ? ts : ts / 1000n);
      if (url.pathname === "/api/v3/time") return { body: { serverTime: time(markets.now()) } };
      const market = url.searchParams.get("symbol") ?? "";
      if (!markets.has(market)) return { status: 400, body: { code: -1121, msg: "Invalid symbol." } };
      const limit = Number(url.searchParams.get("limit") ?? "500");
      if (url.pathname === "/api/v3/aggTrades") {
        const start = BigInt(url.searchParams.get("startTime") ?? "0");
        const found = markets
          .of(market)
          .filter(({ ts }) => ts >= start)
          .slice(0, limit);
        return { body: found.map((each) => ({ ...aggregate(each), T: time(each.ts) })) };
      }
      if (url.pathname !== "/api/v3/historicalTrades") return undefined;
      const from = Number(url.searchParams.get("fromId") ?? "0");
      const found = markets
        .of(market)
        .filter(({ number }) => number >= from)
        .slice(0, limit);
      return {
        body: found.map(({ number, price, size, ts }) => ({
          ...{ id: number, price, qty: size, quoteQty: "0", time: time(ts), isBuyerMaker: true, isBestMatch: true },
        })),
      };
    },
  });
}

function aggregate({ number, price, size }: StandInTrade): object {
  return { a: number, p: price, q: size, f: number, l: number, m: true, M: true };
}
