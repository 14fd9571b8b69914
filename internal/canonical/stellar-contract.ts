import { hash } from "node:crypto";
import { type Asset, classicParts } from "./asset.ts";
import { decodeStrkey, encodeStrkey } from "./strkey.ts";

const PASSPHRASES: Readonly<Record<string, string>> = {
  public: "Public Global Stellar Network ; September 2015",
  testnet: "Test SDF Network ; September 2015",
};

/** Enum constants of Stellar's XDR, four bytes each. */
const ENVELOPE_TYPE_CONTRACT_ID = int32(8);
const CONTRACT_ID_PREIMAGE_FROM_ASSET = int32(1);
const ASSET_TYPE_NATIVE = int32(0);
const ASSET_TYPE_CREDIT_ALPHANUM4 = int32(1);
const ASSET_TYPE_CREDIT_ALPHANUM12 = int32(2);
const PUBLIC_KEY_TYPE_ED25519 = int32(0);

const MAX_CACHED = 10_000;
const cache = new Map<string, Asset | null>();

/** Returns the passphrase of `public` or `testnet`; any other text is returned as the passphrase itself. */
export function networkPassphrase(network: string): string {
  return Object.hasOwn(PASSPHRASES, network) ? (PASSPHRASES[network] as string) : network;
}

/**
 * Returns the Stellar Asset Contract of a classic asset or `native`, under which it is traded on Soroban. It exists
 * exactly once per network, whether or not it was deployed (CAP-46-6). Null for every other asset.
 */
export function contractOf(asset: Asset, passphrase: string): Asset | null {
  // Most assets are tickers and currencies, which have no contract and need no cache.
  if (asset.includes(":")) return null;
  const key = `${asset} ${passphrase}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const xdr = assetXdr(asset);
  const contract = xdr === null ? null : contractOfXdr(xdr, passphrase);
  const [oldest] = cache.size >= MAX_CACHED ? cache.keys() : [];
  if (oldest !== undefined) cache.delete(oldest);
  cache.set(key, contract);
  return contract;
}

/** The id is SHA-256 over the XDR of `HashIDPreimage` for a contract that derives from an asset. */
function contractOfXdr(xdr: Buffer, passphrase: string): Asset {
  const networkId = hash("sha256", passphrase, "buffer");
  const preimage = Buffer.concat([ENVELOPE_TYPE_CONTRACT_ID, networkId, CONTRACT_ID_PREIMAGE_FROM_ASSET, xdr]);
  return encodeStrkey("C", hash("sha256", preimage, "buffer")) as Asset;
}

/** Returns the XDR of `Asset`; null where it is neither native nor classic. */
function assetXdr(asset: Asset): Buffer | null {
  if (asset === "native") return ASSET_TYPE_NATIVE;
  const parts = classicParts(asset);
  const issuer = parts && decodeStrkey(parts.issuer, "G");
  if (!parts || !issuer) return null;
  const [type, length] = parts.code.length <= 4 ? [ASSET_TYPE_CREDIT_ALPHANUM4, 4] : [ASSET_TYPE_CREDIT_ALPHANUM12, 12];
  const code = Buffer.alloc(length);
  code.write(parts.code, "ascii");
  return Buffer.concat([type, code, PUBLIC_KEY_TYPE_ED25519, issuer]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
