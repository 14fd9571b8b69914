import { type Asset, parseAsset } from "./asset.ts";
import { FIAT_CODES } from "./fiat.ts";
import { InputError } from "./input-error.ts";

/** Well-known tickers. Other tickers are allowed; only other spellings (upper and lower case) of these are refused. */
const TICKERS = (
  "AAVE ADA ALGO APT AQUA ARB ATOM AVAX BCH BLND BNB BTC BUSD CRO DAI DOGE DOT ETC ETH EURC EUROB EUROC FDUSD FIL GUSD " +
  "HBAR ICP INJ LINK LTC MATIC MXNe NEAR OP PAXG PEPE POL PYUSD RLUSD SHIB SHX SOL SUI TON TRX TUSD UNI USDC USDG USDP " +
  "USDS USDT VELO WBTC WETH XLM XMR XRP XTZ ZEC yXLM"
).split(" ");

/** Well-known assets of Stellar's public network. */
const ISSUED = [
  "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
  "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2",
];

/** Every spelling of a known asset by its lower case. `crypto:usd` probably means the currency. */
const SPELLINGS: ReadonlyMap<string, string> = new Map(
  [
    ["native", "native"],
    ["crypto:native", "native"],
    ...TICKERS.flatMap((code) => [code, `crypto:${code}`].map((text) => [text, text])),
    ...[...FIAT_CODES].flatMap((code) => [
      [code, code],
      [`fiat:${code}`, `fiat:${code}`],
      [`crypto:${code}`, `fiat:${code}`],
    ]),
    ...ISSUED.flatMap((asset) => [asset, asset.replace("-", ":")].map((text) => [text, text])),
  ].map(([written = "", right = ""]) => [written.toLowerCase(), right]),
);

/** The spellings of further known assets, by lower case. */
export type Spellings = ReadonlyMap<string, string>;

const NO_SPELLINGS: Spellings = new Map();

/** Returns the spellings of the given assets. Where two differ only in case, neither counts as a misspelling. */
export function spellingsOf(assets: Iterable<Asset>): Spellings {
  const named = new Map<string, Set<string>>();
  for (const asset of assets) {
    const ticker = asset.startsWith("crypto:") ? asset.slice("crypto:".length) : asset.replace("-", ":");
    for (const written of FIAT_CODES.has(ticker) ? [asset] : [asset, ticker]) {
      const key = written.toLowerCase();
      named.set(key, (named.get(key) ?? new Set()).add(written));
    }
  }
  return new Map([...named].flatMap(([key, texts]) => (texts.size === 1 ? [[key, [...texts][0] ?? ""] as const] : [])));
}

/**
 * Returns the known asset that the text differs from only in case: `xlm` → `XLM`, `NATIVE` → `native`. Null where the
 * text is correct or unlike any known asset. A token that shares a currency's code, `crypto:USD`, is correct.
 * @param further known assets besides the built-in ones
 */
export function knownSpelling(text: string, further: Spellings = NO_SPELLINGS): string | null {
  const key = text.toLowerCase();
  const known = SPELLINGS.get(key) ?? further.get(key);
  if (known === undefined || known === text) return null;
  return known.startsWith("fiat:") && text === `crypto:${known.slice("fiat:".length)}` ? null : known;
}

/**
 * Parses an asset that a user typed: {@link parseAsset}, but refuses a known code in the wrong case, which would become
 * an asset that nobody trades.
 * @throws InputError that suggests the correct spelling
 */
export function parseTypedAsset(text: string, further: Spellings = NO_SPELLINGS): Asset {
  const known = knownSpelling(text, further);
  if (known !== null) {
    throw new InputError(`asset ${JSON.stringify(text.slice(0, 80))} is not known; did you mean ${known}?`);
  }
  return parseAsset(text);
}
