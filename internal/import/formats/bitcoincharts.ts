import { makePair } from "../../canonical/pair.ts";
import { DECIMAL, type Format } from "./format.ts";
import { sinceEpoch } from "./time-rules.ts";

/** `bitstampUSD.csv.gz`, `.bitstampUSD.csv`: a market's name and its currency. All prices are of bitcoin. */
const FILE_NAME = /^\.?([a-z][a-z0-9]*)([A-Z]{3})\.csv(?:\.gz)?$/;

/** The archive at api.bitcoincharts.com/v1/csv. */
export const BITCOINCHARTS: Format = {
  name: "bitcoincharts",
  title: "bitcoincharts, trades of a market",
  keys: ["unixtime", "price", "amount"],
  hasHeader: false,
  headerless: [
    ["unixtime", /^\d{10}$/],
    ["price", DECIMAL],
    ["amount", DECIMAL],
  ],
  isJson: false,
  columns: { ts: "unixtime", price: "price", size: "amount" },
  time: sinceEpoch("s"),
  source: { inName: (name) => FILE_NAME.exec(name)?.[1] },
  pair: {
    inName: (name) => FILE_NAME.exec(name)?.[2],
    pairOf: (currency) => makePair("BTC", currency),
  },
  ids: "none in the file: derived (`--ids`)",
};
