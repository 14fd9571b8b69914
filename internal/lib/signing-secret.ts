import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { InputError } from "../canonical/input-error.ts";

/** A secret that signs webhooks (Standard Webhooks): HMAC-SHA256 for v1, Ed25519 for v1a. */
export interface SigningSecret {
  readonly scheme: "v1" | "v1a";
  readonly key: KeyObject;
}

const FORM = /^(whsec|whsk)_([A-Za-z0-9+/]+={0,2})$/;
/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * Reads a secret as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in Base64, or `whsk_` and an Ed25519 key of
 * 32 bytes, which its public key may follow.
 * @throws InputError that does not quote the text
 */
export function parseSigningSecret(text: string): SigningSecret {
  const [, kind, encoded = ""] = FORM.exec(text) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  if (kind === undefined || bytes.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, "")) {
    throw new InputError("is neither whsec_ nor whsk_ and Base64");
  }
  if (kind === "whsk") return { scheme: "v1a", key: ed25519Of(bytes) };
  if (bytes.length < 24 || bytes.length > 64)
    throw new InputError(`has ${bytes.length} bytes after whsec_, not 24 to 64`);
  return { scheme: "v1", key: createSecretKey(bytes) };
}

function ed25519Of(bytes: Buffer): KeyObject {
  if (bytes.length !== 32 && bytes.length !== 64) {
    throw new InputError(`has ${bytes.length} bytes after whsk_, not 32, or 64 with the public key`);
  }
  const der = Buffer.concat([ED25519_PKCS8, bytes.subarray(0, 32)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const own = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  if (bytes.length === 64 && !own.equals(bytes.subarray(32))) {
    throw new InputError("has a public key after whsk_ that is not of its secret key");
  }
  return key;
}
