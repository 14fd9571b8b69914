import { Problem } from "../../http/problem.ts";
import { SECURE_HEADERS } from "../../http/secure-headers.ts";
import { parseIdempotencyKey } from "./idempotency-keys.ts";
import { type ObservedBody, readToEnd } from "./observed-body.ts";
import { GATEWAY_PROBLEMS } from "./problems.ts";
import type { GatewayService } from "./service.ts";

/** The answer to a request, as it is kept for its Idempotency-Key. */
export interface Answer {
  readonly status: number;
  readonly answer: string;
}

/**
 * Answers a request; one with an Idempotency-Key like the first one with that key, if there was one.
 * @param header its Idempotency-Key
 * @param answer takes the body, and returns the answer
 */
export async function answerOnce(
  service: Pick<GatewayService, "idempotency">,
  header: string | undefined,
  sender: string,
  observed: ObservedBody,
  answer: () => Promise<Answer>,
): Promise<Response> {
  return responseOf(header === undefined ? await answer() : await once(service, header, sender, observed, answer));
}

async function once(
  { idempotency }: Pick<GatewayService, "idempotency">,
  header: string,
  sender: string,
  observed: ObservedBody,
  answer: () => Promise<Answer>,
): Promise<Answer> {
  const key = parseIdempotencyKey(header);
  if (key === null) {
    const kind = GATEWAY_PROBLEMS["invalid-idempotency-key"];
    throw new Problem(kind, kind.example);
  }
  if (!idempotency.begin(sender, key)) {
    const kind = GATEWAY_PROBLEMS["idempotency-key-in-use"];
    throw new Problem(kind, kind.example, { headers: { "Retry-After": "1" } });
  }
  try {
    const known = await idempotency.find(sender, key);
    if (known === null) {
      const first = await answer();
      await idempotency.keep({ sender, key, fingerprint: observed.fingerprint(), ...first });
      return first;
    }
    await readToEnd(observed);
    if (observed.fingerprint().equals(known.fingerprint)) return known;
    const kind = GATEWAY_PROBLEMS["idempotency-key-reused"];
    throw new Problem(kind, kind.example);
  } finally {
    idempotency.end(sender, key);
  }
}

function responseOf({ status, answer }: Answer): Response {
  return new Response(answer, {
    status,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", ...SECURE_HEADERS },
  });
}
