import { createHash } from "node:crypto";
import { makeZip } from "../../internal/lib/zip.testing.ts";
import { Markets, type StandInTrade, withExponent } from "./market.ts";
import { type StandIn, startStandIn } from "./server.ts";

const DAY_MS = 86_400_000;

/**
 * A stand-in of Binance: streams of trades, the REST endpoints of old and aggregate trades, in microseconds, and the public files of days
 * that ended a day ago.
 */
export async function startBinance(
  names: readonly string[] = ["XLMUSDT", "BTCUSDT", "ETHUSDT"],
): Promise<StandIn & { readonly servedDays: () => ReadonlySet<string> }> {
  const markets = new Markets(names, 9_000_001);
  const { faults } = markets;
  const shown = (price: string): string => {
    if (faults.wrongPrices) return `{"value":"${price}"}`;
    return `"${faults.exponents ? withExponent(price) : price}"`;
  };
  const standIn = await startStandIn({
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
      const file = /^\/data\/spot\/daily\/trades\/(\w+)\/\1-trades-([\d-]{10})\.zip(\.CHECKSUM)?$/.exec(url.pathname);
      if (file !== null) return dayFile(file[1] ?? "", file[2] ?? "", file[3] !== undefined);
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
  const served = new Set<string>();
  return { ...standIn, files: standIn.rest, servedDays: () => served };

  function dayFile(market: string, day: string, isSum: boolean): { body: unknown } | undefined {
    const begin = BigInt(Date.parse(day)) * 1000n;
    const end = begin + BigInt(DAY_MS) * 1000n;
    if (!markets.has(market) || markets.now() < end + BigInt(DAY_MS) * 1000n) return undefined;
    served.add(day);
    const trades = markets.of(market).filter(({ ts }) => ts >= begin && ts < end);
    const rows = trades.map(({ number, price, size, ts }) => `${number},${price},${size},0,${ts},True,True\n`);
    const zip = makeZip([{ name: `${market}-trades-${day}.csv`, content: rows.join("") }]);
    return { body: isSum ? `${createHash("sha256").update(zip).digest("hex")}  ${market}-trades-${day}.zip\n` : zip };
  }
}

function aggregate({ number, price, size }: StandInTrade): object {
  return { a: number, p: price, q: size, f: number, l: number, m: true, M: true };
}
