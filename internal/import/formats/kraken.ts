import { DECIMAL, type Format, type PairRule } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { sinceEpoch } from "./time-rules.ts";

/** The assets that Kraken's older symbols write with four letters, such as `XXBTZUSD`. */
const FOUR_LETTERS = /^(?:X(XBT|ETH|LTC|XRP|XLM|ETC|ZEC|XMR|REP|MLN|XDG)|Z(USD|EUR|GBP|CAD|JPY|AUD)|(USDT))/;
const SECOND = /^(?:X(XBT|ETH)|Z(USD|EUR|GBP|CAD|JPY|AUD))$/;
/** `XBTUSD.csv` */
const FILE_NAME = /^([A-Z0-9]{5,14})\.csv(?:\.gz)?$/;

export const KRAKEN_SYMBOLS: SymbolRule = {
  quotes: "USD EUR GBP CAD JPY AUD CHF AED XBT BTC ETH DOT USDT USDC PYUSD RLUSD DAI".split(" "),
  separator: /\//,
  codes: { XBT: "BTC", XDG: "DOGE" },
  special(symbol) {
    const first = FOUR_LETTERS.exec(symbol);
    const second = first === null ? null : SECOND.exec(symbol.slice(first[0].length));
    if (first === null || second === null) return undefined;
    return [first.slice(1).find(Boolean) ?? "", second.slice(1).find(Boolean) ?? ""];
  },
};

export const KRAKEN_PAIR: PairRule = {
  inName: (name) => FILE_NAME.exec(name)?.[1],
  pairOf: (symbol) => pairOfSymbol(symbol, KRAKEN_SYMBOLS),
};

/** The downloads "time and sales" of support.kraken.com, one file per market. */
export const KRAKEN: Format = {
  name: "kraken",
  title: "Kraken, downloadable time and sales",
  keys: ["time", "price", "volume"],
  hasHeader: false,
  headerless: [
    ["time", /^\d{10}(?:\.\d+)?$/],
    ["price", DECIMAL],
    ["volume", DECIMAL],
  ],
  isJson: false,
  columns: { ts: "time", price: "price", size: "volume" },
  time: sinceEpoch("s"),
  source: { always: "kraken" },
  pair: KRAKEN_PAIR,
  ids: "none in the file: derived (`--ids`); not those of the API, so import either",
};
