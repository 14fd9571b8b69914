import type { Within } from "../../lib/with-timeout.ts";
import { AddressRefused } from "./pinned-lookup.ts";

/** Why there was no answer, or no whole one: a stable code, and words without secrets. */
export interface Failure {
  readonly reason: string;
  readonly detail: string;
}

/** The receiver answered with 101: it wants to go on in another protocol than HTTP, which nobody asked for. */
export class ProtocolSwitched extends Error {
  override readonly name = "ProtocolSwitched";
  readonly code = "HTTP_101";
}

/** OpenSSL's and Node.js's codes of a handshake or a certificate that failed. */
const TLS =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|EPROTO|INVALID_CA|INVALID_PURPOSE)/;

const REASONS: readonly (readonly [RegExp, reason: string, words: string])[] = [
  [TLS, "tls_failed", "no trusted TLS connection to"],
  [/^(?:ENOTFOUND|ENODATA|EAI_)/, "name_not_resolved", "no address was found for"],
  [/^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_)/, "connection_lost", "the connection was closed by"],
  [/^(?:HPE_|HTTP_101$)/, "invalid_response", "no valid HTTP came from"],
];

/**
 * Returns why a request failed. Messages of errors are left out: they may contain what was sent.
 * @param host who was to answer, for the words
 */
export function failureOf(error: unknown, host: string, within: Within, timeoutSeconds: number): Failure {
  if (error instanceof AddressRefused) return { reason: "address_refused", detail: error.message };
  if (within.isLate()) return { reason: "timeout", detail: `no whole answer from ${host} within ${timeoutSeconds} s` };
  if (within.signal.aborted) return { reason: "aborted", detail: "the attempt was given up here" };
  const code = codeOf(error);
  const [, reason, words] = REASONS.find(([codes]) => codes.test(code)) ?? [null, "connect_failed", "no connection to"];
  return { reason, detail: `${words} ${host} (${code})` };
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : "unknown reason";
}
