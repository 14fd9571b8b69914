import { createHmac, sign } from "node:crypto";
import type { SigningSecret } from "../../lib/signing-secret.ts";

/**
 * Returns the header `webhook-signature` of Standard Webhooks: a signature of each secret over id, time and payload.
 * @param timestamp seconds since 1970
 */
export function signaturesOf(
  secrets: readonly SigningSecret[],
  id: string,
  timestamp: string,
  payload: string,
): string {
  const content = Buffer.from(`${id}.${timestamp}.${payload}`);
  return secrets.map(({ scheme, key }) => `${scheme},${signatureOf(scheme, key, content)}`).join(" ");
}

function signatureOf(scheme: SigningSecret["scheme"], key: SigningSecret["key"], content: Buffer): string {
  const bytes = scheme === "v1" ? createHmac("sha256", key).update(content).digest() : sign(null, content, key);
  return bytes.toString("base64");
}
