import { expect } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import type { Given } from "./given.ts";

export const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const pair = (text: string): Given => ({ pair: parsePair(text) });

const horizonRecord = (
  id: string,
  base: object,
  counter: object,
  amounts: [string, string],
  type = "orderbook",
): object => ({
  id,
  paging_token: id,
  ledger_close_time: "2026-01-02T03:04:05Z",
  trade_type: type,
  ...base,
  base_amount: amounts[0],
  ...counter,
  counter_amount: amounts[1],
  base_is_seller: true,
  price: { n: "1", d: "3" },
});
const usdc = (side: string): object => ({
  [`${side}_asset_type`]: "credit_alphanum4",
  [`${side}_asset_code`]: "USDC",
  [`${side}_asset_issuer`]: USDC.slice(5),
});
const xlm = (side: string): object => ({ [`${side}_asset_type`]: "native" });
export const HORIZON_RECORDS = [
  horizonRecord("77-0", xlm("base"), usdc("counter"), ["12.5000000", "4.0000001"]),
  horizonRecord("77-1", usdc("base"), xlm("counter"), ["0.0000003", "0.0000010"], "liquidity_pool"),
];
const STELLAR_ROWS = [
  `2026-01-02T03:04:05Z sdex native/${USDC} 12.5 4.0000001 77-0`,
  `2026-01-02T03:04:05Z sdex native/${USDC} 0.000001 0.0000003 77-1`,
];
const PAGE = { _links: { next: { href: "x" } }, _embedded: { records: HORIZON_RECORDS } };
const etl = (order: number, selling: object, buying: object, amounts: [number, number]): string =>
  JSON.stringify({
    order,
    ledger_closed_at: "2026-01-02T03:04:05Z",
    ...selling,
    selling_amount: amounts[0],
    ...buying,
    buying_amount: amounts[1],
    price_n: 1,
    price_d: 3,
    history_operation_id: 77,
    trade_type: 1,
  });
const native = (side: string): object => ({
  [`${side}_asset_type`]: "native",
  [`${side}_asset_code`]: "",
  [`${side}_asset_issuer`]: "",
});
const CCXT =
  '{"info":{"a":1},"timestamp":1700000000123,"datetime":"2023-11-14T22:13:20.123Z","symbol":"XLM/USDT","id":"9","side":"buy","price":1e-7,"amount":2.5,"cost":2.5e-7,"fee":null}';
const CCXT_ROW = "2023-11-14T22:13:20.123Z kucoin crypto:XLM/crypto:USDT 2.5 0.00000025 9";

/** A file of each format by its name, and the rows that are stored. */
export const NATIVE_FILES: readonly (readonly [
  format: string,
  name: string,
  content: string,
  given: Given,
  rows: string[],
])[] = [
  [
    "binance-trades",
    "XRPETH-trades-2024-12-31.csv",
    "7001,0.00060000,3.00000000,0.00180000,1735603200123,True,True\n",
    {},
    ["2024-12-31T00:00:00.123Z binance crypto:XRP/crypto:ETH 3 0.0018 7001"],
  ],
  [
    "binance-trades",
    "trades.csv",
    "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n7002,2.5,0.5,1.25,1735689600123456,true,true\n",
    pair("SOL/USDC"),
    ["2025-01-01T00:00:00.123456Z binance crypto:SOL/crypto:USDC 0.5 1.25 7002"],
  ],
  [
    "binance-agg-trades",
    "BTCEUR-aggTrades-2025-03.csv",
    "501,90000.01,0.2,801,803,1740787200000001,False,True\r\n",
    {},
    ["2025-03-01T00:00:00.000001Z binance crypto:BTC/fiat:EUR 0.2 18000.002 a501"],
  ],
  [
    "binance-futures-trades",
    "ETHUSDT-trades-2025-02-03.csv",
    "id,price,qty,quote_qty,time,is_buyer_maker\n31,3000.5,0.1,300.05,1738540800456,false\n",
    {},
    ["2025-02-03T00:00:00.456Z binance-futures crypto:ETH/crypto:USDT 0.1 300.05 31"],
  ],
  [
    "binance-futures-agg-trades",
    "ETHUSDT-aggTrades-2025-02-03.csv",
    "41,3000.5,0.1,31,32,1738540800456,false\n",
    {},
    ["2025-02-03T00:00:00.456Z binance-futures crypto:ETH/crypto:USDT 0.1 300.05 a41"],
  ],
  [
    "kraken",
    "XDGEUR.csv",
    "1700000000.1234,0.07,100\n1700000001,0.08,50\n",
    {},
    [
      expect.stringMatching(/^2023-11-14T22:13:20.1234Z kraken crypto:DOGE\/fiat:EUR 100 7 [0-9a-f]{16}$/),
      expect.stringMatching(/^2023-11-14T22:13:21Z kraken crypto:DOGE\/fiat:EUR 50 4 [0-9a-f]{16}$/),
    ],
  ],
  [
    "kraken-rest",
    "answer.json",
    '{"error":[],"result":{"XXBTZUSD":[["30000.10000","0.5",1700000000.1234567,"b","m","",61]],"last":"1700000000123456789"}}',
    {},
    ["2023-11-14T22:13:20.123456Z kraken crypto:BTC/fiat:USD 0.5 15000.05 61"],
  ],
  [
    "coinbase",
    "XLM-EUR.json",
    '[\n{"trade_id":88,"side":"buy","size":"10.0","price":"0.4","time":"2026-01-02T03:04:05.000006Z"}\n]',
    {},
    ["2026-01-02T03:04:05.000006Z coinbase crypto:XLM/fiat:EUR 10 4 88"],
  ],
  [
    "coinbase",
    "trades.csv",
    "\uFEFFtrade_id,side,size,price,time\r\n88,buy,10.0,0.4,2026-01-02 03:04:05.000006 +0000 UTC\r\n",
    pair("XLM/EUR"),
    ["2026-01-02T03:04:05.000006Z coinbase crypto:XLM/fiat:EUR 10 4 88"],
  ],
  [
    "bitstamp",
    "bitstamp_XRP-USD.json",
    '[{"date":"1700000000","tid":"303","amount":"20.5","type":"0","price":"0.6"}]',
    {},
    ["2023-11-14T22:13:20Z bitstamp crypto:XRP/fiat:USD 20.5 12.3 303"],
  ],
  [
    "bitcoincharts",
    "mtgoxJPY.csv",
    "1300000000,80.5,2\n",
    {},
    [expect.stringMatching(/^2011-03-13T07:06:40Z mtgox crypto:BTC\/fiat:JPY 2 161 [0-9a-f]{16}$/)],
  ],
  [
    "bybit",
    "BTCUSDT2025-05-19.csv",
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI\n" +
      "1747612800.0743,BTCUSDT,Sell,0.003,100000.5,MinusTick,aa-1,3e+10,0.003,300.0015,0\n" +
      "1747612801,SOLPERP,Buy,2,150,PlusTick,aa-2,3e+10,2,300,0\n",
    {},
    [
      "2025-05-19T00:00:00.0743Z bybit-futures crypto:BTC/crypto:USDT 0.003 300.0015 aa-1",
      "2025-05-19T00:00:01Z bybit-futures crypto:SOL/crypto:USDC 2 300 aa-2",
    ],
  ],
  [
    "bybit-spot",
    "XRPUSDT_2025-05-19.csv",
    "id,timestamp,price,volume,side,rpi\n1,1747612800074,2.5,4,sell,0\n",
    {},
    ["2025-05-19T00:00:00.074Z bybit crypto:XRP/crypto:USDT 4 10 1"],
  ],
  [
    "tardis",
    "trades.csv",
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" +
      "kraken,XBT/USD,1700000000123456,1700000000200000,5,buy,30000,0.1\n" +
      "okex,XLM-USDT,1700000000123457,1700000000200000,6,sell,0.1,7\n",
    {},
    [
      "2023-11-14T22:13:20.123456Z kraken crypto:BTC/fiat:USD 0.1 3000 5",
      "2023-11-14T22:13:20.123457Z okx crypto:XLM/crypto:USDT 7 0.7 6",
    ],
  ],
  ["ccxt", "trades.ndjson", `${CCXT}\n`, { source: "kucoin" }, [CCXT_ROW]],
  ["ccxt", "trades.json", `[${CCXT}]`, { source: "kucoin" }, [CCXT_ROW]],
  [
    "ccxt",
    "trades.csv",
    'timestamp,datetime,symbol,id,side,price,amount,cost,info\n1700000000123,2023-11-14T22:13:20.123Z,XLM/USDT,9,buy,1e-07,2.5,2.5e-07,"{""a"": 1}"\n',
    { source: "kucoin" },
    [CCXT_ROW],
  ],
  ["horizon", "page.json", JSON.stringify(PAGE, null, 2), {}, STELLAR_ROWS],
  ["horizon", "pages.ndjson", `${JSON.stringify(PAGE)}\n`, {}, STELLAR_ROWS],
  ["horizon", "records.ndjson", HORIZON_RECORDS.map((record) => JSON.stringify(record)).join("\n"), {}, STELLAR_ROWS],
  [
    "stellar-etl",
    "trades.txt",
    [
      etl(0, native("selling"), usdc("buying"), [12.5, 4.0000001]),
      etl(1, usdc("selling"), native("buying"), [3e-7, 1e-6]),
      etl(2, usdc("selling"), native("buying"), [0, 1e-7]),
    ].join("\n"),
    {},
    STELLAR_ROWS,
  ],
];
