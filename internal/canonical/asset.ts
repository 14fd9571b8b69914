import { FIAT_CODES } from "./fiat.ts";
import { InputError } from "./input-error.ts";
import { isStrkey, STRKEY_LENGTH } from "./strkey.ts";

declare const brand: unique symbol;

/**
 * A canonical asset: `native`, `<CODE>-<ISSUER>`, a contract key `C…`, `crypto:<TICKER>` or `fiat:<CODE>`.
 * Only `parseAsset` makes one.
 */
export type Asset = string & { readonly [brand]: "asset" };

const CODE = /^[A-Za-z0-9]{1,12}$/;
const CONTRACT_SHAPE = /^C[A-Z2-7]{55}$/;
/** What follows a colon is an issuer where it is longer than any ticker: then `crypto` before it is a code, no prefix. */
const CODE_AND_ISSUER = /^([^:-]*)(?:-|:(?=[Gg][^:]{12}))(.*)$/s;
/** What stands behind a colon that no prefix comes before, and is no issuer: cut short, written wrong, or without its G. */
const MEANT_AS_ISSUER = /^(?:[Gg][^:]*|[^:]{13,})$/;

/**
 * Reads an asset, canonical or as people write it: a bare code on the fiat list becomes `fiat:`, any other `crypto:`, and
 * `CODE:ISSUER` (SEP-11) becomes `CODE-ISSUER`.
 * @throws InputError that names the asset and the forms there are
 */
export function parseAsset(text: string): Asset {
  const refuse = (why: string): never => {
    throw new InputError(
      `asset ${JSON.stringify(text.slice(0, 80))} ${why}; write native, CODE-ISSUER, a contract key C…, crypto:TICKER or fiat:CODE`,
    );
  };
  if (text === "native") return text as Asset;
  const [, code, issuer] = CODE_AND_ISSUER.exec(text) ?? [];
  if (code !== undefined && issuer !== undefined) {
    if (!CODE.test(code)) return refuse("has no code of 1 to 12 letters or digits");
    return isStrkey(issuer, "G") ? (`${code}-${issuer}` as Asset) : refuse(issuerFault(issuer));
  }
  const colon = text.indexOf(":");
  if (colon >= 0) {
    const kind = text.slice(0, colon);
    const code = text.slice(colon + 1);
    if (kind === "fiat") {
      return FIAT_CODES.has(code) ? (text as Asset) : refuse("has a code that is not on the ISO 4217 list");
    }
    if (kind === "crypto")
      return CODE.test(code) ? (text as Asset) : refuse("has no ticker of 1 to 12 letters or digits");
    return CODE.test(kind) && MEANT_AS_ISSUER.test(code) ? refuse(issuerFault(code)) : refuse("has an unknown prefix");
  }
  if (CONTRACT_SHAPE.test(text)) return isStrkey(text, "C") ? (text as Asset) : refuse("has a wrong checksum");
  if (!CODE.test(text)) return refuse("is not in a known form");
  return (FIAT_CODES.has(text) ? `fiat:${text}` : `crypto:${text}`) as Asset;
}

/** What is wrong with an issuer that is no account key. */
function issuerFault(issuer: string): string {
  if (!issuer.startsWith("G")) return "has an issuer that does not begin with G";
  if (issuer.length !== STRKEY_LENGTH) return `has an issuer of ${issuer.length} characters, not ${STRKEY_LENGTH}`;
  return "has an issuer with a wrong checksum or form";
}

/** Whether the asset is a currency of the fiat list. */
export function isFiat(asset: Asset): boolean {
  return asset.startsWith("fiat:");
}

/** Whether the asset is a contract on Stellar, by its key. */
export function isContract(asset: Asset): boolean {
  return CONTRACT_SHAPE.test(asset);
}

/** The code and issuer of a classic Stellar asset; null for any other. */
export function classicParts(asset: Asset): { readonly code: string; readonly issuer: string } | null {
  const dash = asset.indexOf("-");
  return dash < 0 ? null : { code: asset.slice(0, dash), issuer: asset.slice(dash + 1) };
}
