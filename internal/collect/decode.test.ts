import { describe, expect, it } from "vitest";
import { formatDecimal } from "../canonical/decimal.ts";
import { parsePair } from "../canonical/pair.ts";
import { formatTime, parseTime } from "../canonical/time.ts";
import { CONNECTORS, connectorNamed } from "./connectors.ts";
import type { CollectedFeed } from "./feed.ts";
import { POOL } from "./stellar-rpc/swap-events.testing.ts";

const NOW = parseTime("2026-08-10T16:00:00Z");
const ISSUER = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";

function feedOf(name: string): CollectedFeed {
  const { source, marketOf, readMarket } = connectorNamed(name);
  const onLedger = `native/USDC-${ISSUER}`;
  if (readMarket !== undefined) {
    const pair = parsePair(onLedger);
    return { feed: `${source}:test`, source, pair, market: readMarket(POOL, pair) };
  }
  const pair = parsePair({ horizon: onLedger, binance: "XLM/USDT", ecb: "EUR/USD" }[name] ?? "XLM/USD");
  return { feed: `${source}:test`, source, pair, market: marketOf(pair) };
}

/** What a connector understands of a message, in short. */
function understood(name: string, message: unknown): unknown[] {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return connectorNamed(name)
    .live.decode(text, [feedOf(name)], NOW)
    .map((each) => {
      if (each.type !== "trade") return each;
      const { ts, tradeId, baseAmount, quoteAmount } = each.trade;
      return [tradeId, formatTime(ts), formatDecimal(baseAmount), formatDecimal(quoteAmount)];
    });
}

const horizonTrade = (changes: object = {}) => ({
  ...{ id: "107449468841885697-0", paging_token: "107449468841885697-0", ledger_close_time: "2026-08-09T22:30:00Z" },
  ...{ trade_type: "liquidity_pool", base_amount: "10.0000000", base_asset_type: "native" },
  ...{ counter_amount: "3.8100001", counter_asset_type: "credit_alphanum4", counter_asset_code: "USDC" },
  ...{ counter_asset_issuer: ISSUER, price: { n: "381", d: "1000" }, ...changes },
});

const ecbFile = (...rates: [string, string][]) =>
  `<Cube><Cube time='2026-08-07'>${rates.map(([code, rate]) => `<Cube currency='${code}' rate='${rate}'/>`).join("")}</Cube></Cube>`;

const bitstampTrade = (changes: object) => ({
  ...{ event: "trade", channel: "live_trades_xlmusd" },
  data: { id: 1, microtimestamp: "1787174919977123", price_str: "1", amount_str: "1", ...changes },
});

describe("connectors", () => {
  it("read trades exactly: every digit, exponents too, and times to the microsecond", () => {
    const kraken = (price: string, time = "2026-08-09T22:30:00.1234567Z") =>
      `{"channel":"trade","type":"update","data":[{"symbol":"XLM/USD","side":"buy","price":${price},"qty":0.10000000000000000001,"ord_type":"limit","trade_id":9007199254740993,"timestamp":"${time}"}]}`;
    expect(understood("kraken", kraken("0.3811"))).toEqual([
      ["9007199254740993", "2026-08-09T22:30:00.123456Z", "0.10000000000000000001", "0.038110000000000000003811"],
    ]);
    expect(understood("kraken", kraken("3811e-4"))).toEqual(understood("kraken", kraken("0.3811")));
    const coinbase = { type: "match", trade_id: 10, product_id: "XLM-USD", size: "5.23", price: "4E-1", side: "sell" };
    expect(understood("coinbase", { ...coinbase, time: "2014-11-07T08:19:27.028459Z" })).toEqual([
      ["10", "2014-11-07T08:19:27.028459Z", "5.23", "2.092"],
    ]);
    const binance = `{"e":"trade","E":1,"s":"XLMUSDT","t":12345,"p":"0.001","q":"100","T":1672515782136001,"m":true,"M":true}`;
    expect(understood("binance", binance)).toEqual([["12345", "2022-12-31T19:43:02.136001Z", "100", "0.1"]]);
    const bitstamp = `{"data":{"id":619501668,"timestamp":"1787174919","amount":0.1,"amount_str":"0.34778488","price":1,"price_str":"0.69590130","type":0,"microtimestamp":"1787174919977123"},"channel":"live_trades_xlmusd","event":"trade"}`;
    expect(understood("bitstamp", bitstamp)).toEqual([
      ["619501668", "2026-08-19T21:28:39.977123Z", "0.34778488", "0.242023950112344"],
    ]);
    expect(understood("horizon", horizonTrade())).toEqual([
      ["107449468841885697-0", "2026-08-09T22:30:00Z", "10", "3.8100001"],
    ]);
    const coingecko = (price: string) => `{"stellar":{"usd":${price},"last_updated_at":1787174919}}`;
    expect(understood("coingecko", coingecko("0.38110000000000000000001"))).toEqual([
      { type: "subscribed", market: "stellar/usd" },
      ["1787174919", "2026-08-19T21:28:39Z", "1", "0.38110000000000000000001"],
    ]);
    expect(understood("coingecko", coingecko("3.811e-1"))).toEqual(understood("coingecko", coingecko("0.3811")));
    expect(understood("ecb", ecbFile(["USD", "1.10120000000000000001"], ["GBP", "0.86131"]))).toEqual([
      { type: "subscribed", market: "USD" },
      ["2026-08-07", "2026-08-07T14:00:00Z", "1", "1.10120000000000000001"],
      // The next rates cannot be earlier than a day later.
      { type: "clock", market: "USD", time: parseTime("2026-08-08T14:00:00Z"), lastNumber: null },
    ]);
  });

  it("leave out trades with an amount of 0, and markets that are not collected", () => {
    expect(understood("horizon", horizonTrade({ counter_amount: "0.0000000" }))).toMatchObject([{ type: "ignored" }]);
    expect(understood("coinbase", { type: "match", product_id: "BTC-USD" })).toEqual([]);
  });

  it.each([
    ["kraken", { channel: "heartbeat" }, { type: "alive" }],
    ["kraken", { channel: "status", type: "update", data: [{ system: "maintenance" }] }, { type: "unavailable" }],
    [
      "kraken",
      { method: "subscribe", success: true, result: { symbol: "XLM/USD" } },
      { type: "subscribed", market: "XLM/USD" },
    ],
    [
      "kraken",
      { method: "subscribe", success: false, symbol: "A/B", error: "Currency pair not supported A/B" },
      { type: "refused", market: "A/B" },
    ],
    ["kraken", { method: "subscribe", success: false, error: "Exceeded msg rate limit" }, { type: "throttled" }],
    ["kraken", { method: "pong", time_out: "2026-08-09T22:30:00.5Z" }, { type: "clock", market: null }],
    [
      "coinbase",
      { type: "heartbeat", last_trade_id: 20, product_id: "XLM-USD", time: "2026-08-09T22:30:00Z" },
      { type: "clock", lastNumber: 20n },
    ],
    [
      "coinbase",
      { type: "heartbeat", last_trade_id: 0, product_id: "XLM-USD", time: "2026-08-09T22:30:00Z" },
      { type: "clock", lastNumber: null },
    ],
    [
      "coinbase",
      { type: "error", message: "Failed to subscribe", reason: "A-B is not a valid product" },
      { type: "refused", market: "A-B" },
    ],
    ["binance", { result: null, id: 1 }, { type: "subscribed", market: "XLMUSDT" }],
    ["binance", { e: "serverShutdown", E: 1 }, { type: "unavailable" }],
    ["binance", { error: { code: 3, msg: "Too many messages" }, id: 1 }, { type: "throttled" }],
    ["bitstamp", { event: "bts:heartbeat", channel: "", data: { status: "success" } }, { type: "alive" }],
    ["bitstamp", { event: "bts:request_reconnect", channel: "", data: null }, { type: "unavailable" }],
    [
      "bitstamp",
      { event: "bts:subscription_succeeded", channel: "live_trades_xlmusd", data: {} },
      { type: "subscribed", market: "xlmusd" },
    ],
    [
      "bitstamp",
      { event: "bts:subscription_succeeded", channel: "diff_order_book_btcusd", data: {} },
      { type: "alive" },
    ],
    [
      "bitstamp",
      { event: "data", channel: "diff_order_book_btcusd", data: { microtimestamp: "1787174919977123", bids: [] } },
      { type: "clock", market: null, time: 1_787_174_919_977_123n, lastNumber: null },
    ],
    [
      "bitstamp",
      { event: "bts:error", channel: "live_trades_XLM", data: { code: null, message: "Invalid channel provided." } },
      { type: "refused", market: "XLM" },
    ],
    [
      "bitstamp",
      { event: "bts:error", channel: "", data: { code: null, message: "Bad subscription string." } },
      { type: "invalid", market: null, reason: "a request was refused: Bad subscription string." },
    ],
    ["coingecko", {}, { type: "refused", market: "stellar/usd" }],
    ["coingecko", { stellar: { usd: null, last_updated_at: 1 } }, { type: "refused", market: "stellar/usd" }],
    ["horizon", '"hello"', { type: "subscribed" }],
    ["horizon", '"byebye"', { type: "alive" }],
  ])("%s understands %j", (name, message, meaning) => {
    expect(understood(name, message)).toMatchObject([meaning]);
  });

  it.each([
    [
      "kraken",
      '{"channel":"trade","type":"update","data":[{"symbol":"XLM/USD","price":"x","qty":1,"trade_id":1,"timestamp":"2026-08-09T22:30:00Z"}]}',
      "price",
    ],
    [
      "kraken",
      '{"channel":"trade","type":"update","data":[{"symbol":"XLM/USD","price":1,"qty":1,"trade_id":1,"timestamp":"2026-08-09"}]}',
      "timestamp",
    ],
    [
      "coinbase",
      { type: "match", product_id: "XLM-USD", trade_id: 1, time: "2026-08-09T22:30:00Z", size: "1" },
      "price is missing",
    ],
    [
      "coinbase",
      { type: "match", product_id: "XLM-USD", trade_id: 1, time: "2026-08-09T22:30:00Z", size: "-1", price: "1" },
      "size",
    ],
    ["binance", '{"e":"trade","s":"XLMUSDT","t":1,"p":"1","q":"1","T":1672515782136}', "not microseconds"],
    ["bitstamp", bitstampTrade({ price_str: undefined }), "price_str is missing"],
    ["bitstamp", bitstampTrade({ microtimestamp: "1787174919977" }), "not microseconds"],
    ["bitstamp", bitstampTrade({ amount_str: "1,5" }), "amount_str"],
    ["coingecko", { stellar: { usd: -1, last_updated_at: 1787174919 } }, "usd is the number"],
    ["coingecko", { stellar: { usd: 0.38 } }, "last_updated_at is missing"],
    ["coingecko", { stellar: [] }, "stellar is a list, not an object"],
    ["horizon", horizonTrade({ counter_asset_code: "EURC" }), "not of native/USDC"],
    ["horizon", horizonTrade({ trade_type: "auction" }), "trade_type"],
    ["horizon", horizonTrade({ price: null }), "price is null"],
  ])("%s refuses what it does not document, by name: %j", (name, message, reason) => {
    const [first] = understood(name, message).filter((each) => (each as { type?: string }).type !== "subscribed") as [
      { type: string; market: string; reason: string },
    ];
    expect(first).toMatchObject({ type: "invalid", market: feedOf(name).market });
    expect(first.reason).toContain(reason);
  });

  it.each(CONNECTORS.map(({ name }) => name))("%s takes anything for what it is, and never throws", (name) => {
    for (const text of ["", "{", "[]", "null", "1", "{}", '"x"', '{"channel":"trade","data":{}}', '{"e":"trade"}']) {
      for (const message of connectorNamed(name).live.decode(text, [feedOf(name)], NOW)) {
        expect(["invalid", "alive", "refused"]).toContain(message.type);
      }
    }
  });
});
