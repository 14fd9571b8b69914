import { type Asset, parseAsset } from "./asset.ts";
import { FIAT_CODES } from "./fiat.ts";
import { InputError } from "./input-error.ts";

/** Tickers that are known everywhere in one spelling. A token is not held to this list: only its other spellings are. */
const TICKERS = (
  "AAVE ADA ALGO APT AQUA ARB ATOM AVAX BCH BLND BNB BTC BUSD CRO DAI DOGE DOT ETC ETH EURC EUROB EUROC FDUSD FIL GUSD " +
  "HBAR ICP INJ LINK LTC MATIC MXNe NEAR OP PAXG PEPE POL PYUSD RLUSD SHIB SHX SOL SUI TON TRX TUSD UNI USDC USDG USDP " +
  "USDS USDT VELO WBTC WETH XLM XMR XRP XTZ ZEC yXLM"
).split(" ");

/** Assets of Stellar's public network whose code everybody knows. */
const ISSUED = [
  "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
  "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2",
];

/** Every way to write a known asset, by its lower case. `crypto:usd` is meant to be the currency. */
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

/** Further known assets, by the lower case of every way to write them. */
export type Spellings = ReadonlyMap<string, string>;

const NO_MORE: Spellings = new Map();

/** The ways to write assets that somebody has named; of two that differ only in case, neither is the other misspelt. */
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
 * The known asset that the text differs from only in case, spelt right: `xlm` → `XLM`, `NATIVE` → `native`. Null where it
 * is right as it is, or like no known asset. A token that shares a currency's code, `crypto:USD`, is right.
 * @param further assets that are known beside those that everybody knows
 */
export function knownSpelling(text: string, further: Spellings = NO_MORE): string | null {
  const key = text.toLowerCase();
  const known = SPELLINGS.get(key) ?? further.get(key);
  if (known === undefined || known === text) return null;
  return known.startsWith("fiat:") && text === `crypto:${known.slice("fiat:".length)}` ? null : known;
}

/**
 * Reads an asset that a person typed: {@link parseAsset}, but a known code in another case, which would become an asset
 * that nobody trades, is refused.
 * @throws InputError that says what was meant
 */
export function parseTypedAsset(text: string, further: Spellings = NO_MORE): Asset {
  const known = knownSpelling(text, further);
  if (known !== null) {
    throw new InputError(`asset ${JSON.stringify(text.slice(0, 80))} is not known; did you mean ${known}?`);
  }
  return parseAsset(text);
}
