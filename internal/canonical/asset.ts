import { FIAT_CODES } from "./fiat.ts";
import { InputError } from "./input-error.ts";
import { isStrkey, STRKEY_LENGTH } from "./strkey.ts";

declare const brand: unique symbol;

/**
 * A canonical asset: `native`, `<CODE>-<ISSUER>`, a contract key `C…`, `crypto:<TICKER>` or `fiat:<CODE>`. The brand
 * ensures that it comes from `parseAsset`.
 */
export type Asset = string & { readonly [brand]: "asset" };

const CODE = /^[A-Za-z0-9]{1,12}$/;
const CONTRACT_SHAPE = /^C[A-Z2-7]{55}$/;
/**
 * Text after a colon that starts with G and is longer than a ticker is an issuer; `crypto` before it is then a code.
 */
const CODE_AND_ISSUER = /^([^:-]*)(?:-|:(?=[Gg][^:]{12}))(.*)$/s;
/**
 * Text after a colon that is probably meant as an issuer but is not a valid key: truncated, mistyped, or without its G.
 */
const LIKELY_ISSUER = /^(?:[Gg][^:]*|[^:]{13,})$/;

/**
 * Parses an asset in canonical or short form: a bare code on the fiat list becomes `fiat:`, any other `crypto:`, and
 * `CODE:ISSUER` (SEP-11) becomes `CODE-ISSUER`.
 * @throws InputError that names the asset and lists the valid forms
 */
export function parseAsset(text: string): Asset {
  return readAsset(text, "asset ");
}

/**
 * Parses an asset that has to be in canonical form, as stored trades have it.
 * @throws InputError that says what to write; its message follows the name of a field
 */
export function parseCanonicalAsset(text: string): Asset {
  const asset = readAsset(text, "");
  if (asset !== text) throw new InputError(`${quotedAsset(text)} is a short form; write ${asset}`);
  return asset;
}

/** @param noun what messages start with */
function readAsset(text: string, noun: string): Asset {
  const refuse = (why: string): never => {
    throw new InputError(
      `${noun}${quotedAsset(text)} ${why}; write native, CODE-ISSUER, a contract key C…, crypto:TICKER or fiat:CODE`,
    );
  };
  if (text === "native") return text as Asset;
  const [, code, issuer] = CODE_AND_ISSUER.exec(text) ?? [];
  if (code !== undefined && issuer !== undefined) {
    if (!CODE.test(code)) return refuse("has no code of 1 to 12 letters or digits");
    return isStrkey(issuer, "G") ? (`${code}-${issuer}` as Asset) : refuse(issuerProblem(issuer));
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
    return CODE.test(kind) && LIKELY_ISSUER.test(code) ? refuse(issuerProblem(code)) : refuse("has an unknown prefix");
  }
  if (CONTRACT_SHAPE.test(text)) return isStrkey(text, "C") ? (text as Asset) : refuse("has a wrong checksum");
  if (!CODE.test(text)) return refuse("is not in a known form");
  return (FIAT_CODES.has(text) ? `fiat:${text}` : `crypto:${text}`) as Asset;
}

function quotedAsset(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

/** Returns the problem of an issuer that is not a valid account key, as part of a message. */
function issuerProblem(issuer: string): string {
  if (!issuer.startsWith("G")) return "has an issuer that does not begin with G";
  if (issuer.length !== STRKEY_LENGTH) return `has an issuer of ${issuer.length} characters, not ${STRKEY_LENGTH}`;
  return "has an issuer with a wrong checksum or form";
}

/** Returns whether the asset is a fiat currency. */
export function isFiat(asset: Asset): boolean {
  return asset.startsWith("fiat:");
}

/** Returns whether the asset is a Stellar contract key. */
export function isContract(asset: Asset): boolean {
  return CONTRACT_SHAPE.test(asset);
}

/** Returns code and issuer of a classic Stellar asset; null for any other asset. */
export function classicParts(asset: Asset): { readonly code: string; readonly issuer: string } | null {
  const dash = asset.indexOf("-");
  return dash < 0 ? null : { code: asset.slice(0, dash), issuer: asset.slice(dash + 1) };
}
