import type { HttpClient } from "../http/client.ts";
import { JsonNumber, member, parseJson } from "../lib/exact-json.ts";
import { NoQuote } from "./reference.ts";

/** A read of a contract: its address and the selector of a function without arguments. */
export interface EthCall {
  readonly to: string;
  readonly data: string;
}

/**
 * Returns the result of a call in the batch.
 * @throws NoQuote where the response has no result for it
 */
export type ResultOf = (call: EthCall) => unknown;

/**
 * Sends all calls, at the latest block, in one JSON-RPC batch; without calls it sends no request.
 * @throws NoQuote where the response is not a batch
 */
export async function ethCalls(
  endpoint: URL,
  calls: readonly EthCall[],
  request: HttpClient,
  signal: AbortSignal,
): Promise<ResultOf> {
  const batch = calls.map((call, id) => ({ jsonrpc: "2.0", id, method: "eth_call", params: [call, "latest"] }));
  const headers = { "content-type": "application/json" };
  // Reading a contract twice changes nothing.
  const parts = { method: "POST", headers, body: JSON.stringify(batch), isIdempotent: true };
  const answer = calls.length === 0 ? [] : parseJson(await request(endpoint, parts, signal));
  if (!Array.isArray(answer)) {
    throw new NoQuote(
      "unreadable",
      `the answer to the batch is not a list${codeOf(answer)}; the endpoint has to support JSON-RPC batches`,
    );
  }
  return ({ to, data }) =>
    resultOf(
      answer,
      calls.findIndex((call) => call.to === to && call.data === data),
    );
}

// The entries of a batch response may be in any order.
function resultOf(answer: readonly unknown[], id: number): unknown {
  const entries = answer.filter((entry) => {
    const given = member(entry, "id");
    return given instanceof JsonNumber && given.text === String(id);
  });
  if (entries.length !== 1) throw new NoQuote("unreadable", `a call of the batch has ${entries.length} answers`);
  const [entry] = entries;
  if ((member(entry, "error") ?? null) !== null) throw new NoQuote("unreadable", `a call failed${codeOf(entry)}`);
  return member(entry, "result");
}

/** Returns only the error's code: its message may quote an API key in the URL. */
function codeOf(entry: unknown): string {
  const code = member(member(entry, "error"), "code");
  return code instanceof JsonNumber ? ` (error ${code.text.slice(0, 20)})` : "";
}
