import type { Request } from "./http.ts";
import { JsonNumber, member, parseJson } from "./json.ts";
import { NoQuote } from "./reference.ts";

/** A read of a contract: its address and the selector of a function without arguments. */
export interface EthCall {
  readonly to: string;
  readonly data: string;
}

/**
 * What a call of the batch returned.
 * @throws NoQuote where the answer has no result of it
 */
export type ResultOf = (call: EthCall) => unknown;

/**
 * All calls at the latest block, in one JSON-RPC batch; no calls make no request.
 * @throws NoQuote where the answer is no batch
 */
export async function ethCalls(
  endpoint: URL,
  calls: readonly EthCall[],
  request: Request,
  signal: AbortSignal,
): Promise<ResultOf> {
  const batch = calls.map((call, id) => ({ jsonrpc: "2.0", id, method: "eth_call", params: [call, "latest"] }));
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(batch) };
  const answer = calls.length === 0 ? [] : parseJson(await request(endpoint, init, signal));
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

// The entries of a batch come in any order.
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

/** The error's code only: its message may quote the key of the URL. */
function codeOf(entry: unknown): string {
  const code = member(member(entry, "error"), "code");
  return code instanceof JsonNumber ? ` (error ${code.text.slice(0, 20)})` : "";
}
