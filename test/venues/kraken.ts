import { Markets, rfc3339, type StandInTrade, withExponent } from "./market.ts";
import { type Client, type StandIn, startStandIn } from "./server.ts";

/** A stand-in of Kraken: WebSocket API v2 and the REST endpoint of trades. */
export function startKraken(names: readonly string[] = ["XLM/USD", "BTC/USD", "ETH/USD"]): Promise<StandIn> {
  const markets = new Markets(names);
  const { faults } = markets;
  const number = (text: string): string => (faults.exponents ? withExponent(text) : text);
  const entry = ({ market, price, size, number: id, ts }: StandInTrade): string => {
    const shown = faults.wrongPrices ? `{"value":${price}}` : number(price);
    return `{"symbol":"${market}","side":"buy","price":${shown},"qty":${number(size)},"ord_type":"limit","trade_id":${id},"timestamp":"${rfc3339(ts)}"}`;
  };
  const message = (type: string, trades: readonly StandInTrade[]): string =>
    `{"channel":"trade","type":"${type}","data":[${trades.map(entry).join(",")}]}`;

  return startStandIn({
    ...{ source: "kraken", path: "/v2", markets },
    greet: (client) =>
      client.send({
        ...{ channel: "status", type: "update" },
        data: [{ version: "2.0.0", system: "online", api_version: "v2", connection_id: 1 }],
      }),
    receive: (text, client) => receive(JSON.parse(text), client),
    told: (trade) => message("update", [trade]),
    beat: (client) => {
      if (client.subscribed.size > 0) client.send({ channel: "heartbeat" });
    },
    answer: (url) => {
      if (url.pathname !== "/0/public/Trades") return undefined;
      const market = url.searchParams.get("pair") ?? "";
      if (!markets.has(market)) return { body: { error: ["EQuery:Unknown asset pair"] } };
      const since = BigInt(url.searchParams.get("since") ?? "0");
      const count = Number(url.searchParams.get("count") ?? "1000");
      const found = markets
        .of(market)
        .filter(({ ts }) => ts * 1000n > since)
        .slice(0, count);
      const last = found.at(-1) === undefined ? since : (found.at(-1) as StandInTrade).ts * 1000n;
      const rows = found.map(({ price, size, ts, number: id }) => {
        const seconds = `${ts / 1_000_000n}.${String(ts % 1_000_000n).padStart(6, "0")}`;
        return `["${price}","${size}",${seconds},"b","l","",${id}]`;
      });
      return { body: `{"error":[],"result":{"X${market.replace("/", "Z")}":[${rows.join(",")}],"last":"${last}"}}` };
    },
  });

  function receive(
    request: { method: string; params?: { symbol: string[]; snapshot?: boolean } },
    client: Client,
  ): void {
    const time = rfc3339(markets.now());
    if (request.method === "ping") client.send({ method: "pong", time_in: time, time_out: time });
    for (const symbol of request.params?.symbol ?? []) {
      if (!markets.has(symbol)) {
        const error = `Currency pair not supported ${symbol}`;
        client.send({ error, method: "subscribe", success: false, symbol, time_in: time, time_out: time });
        continue;
      }
      const result = { channel: "trade", snapshot: true, symbol };
      client.send({ method: "subscribe", result, success: true, time_in: time, time_out: time });
      const snapshot = markets.of(symbol).slice(-50);
      if (snapshot.length > 0) client.send(message("snapshot", snapshot));
      client.subscribed.add(symbol);
    }
  }
}
