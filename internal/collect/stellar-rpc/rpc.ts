import { quoted } from "../../canonical/input-error.ts";
import type { VenueGet } from "../connector.ts";
import { VenueRefused, VenueThrottled, VenueUnavailable } from "../failures.ts";
import type { Endpoint } from "../feed.ts";
import { InvalidMessage, member, readJson, requireObject, wholeField } from "../wire.ts";

type Method = "getEvents" | "getHealth" | "getLedgerEntries";

/** JSON-RPC's codes of requests that will be refused again: an unknown method, or parameters that are not accepted. */
const LASTING = new Set(["-32601", "-32602"]);
/** What providers answer to too many requests. */
const THROTTLING = "-32005";

/** Sends a JSON-RPC request to the node, and returns the text of its answer. */
export function callRpc(get: VenueGet, { rest }: Endpoint, method: Method, params?: object): Promise<string> {
  return get(new URL(rest), {}, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
}

/**
 * Returns the result of an answer.
 * @throws VenueRefused where the request will never be answered; VenueThrottled; VenueUnavailable where it may be later;
 *   InvalidMessage where the answer is none of JSON-RPC
 */
export function resultOf(text: string, method: Method): Readonly<Record<string, unknown>> {
  const answer = requireObject(readJson(text), "the answer");
  const error = member(answer, "error");
  if (error === undefined || error === null) return requireObject(member(answer, "result"), "result");
  const said = member(error, "message");
  const code = codeOf(error);
  const reason = `${method} was answered with error ${code}: ${typeof said === "string" ? quoted(said) : "no message"}`;
  if (LASTING.has(code)) throw new VenueRefused(reason);
  if (code === THROTTLING) throw new VenueThrottled(reason, null, null);
  throw new VenueUnavailable(reason);
}

/** Codes are numbers with a sign. */
function codeOf(error: unknown): string {
  const code = member(error, "code");
  const text = typeof code === "object" && code !== null && "text" in code ? String(code.text) : "";
  if (/^-?\d{1,6}$/.test(text)) return text;
  throw new InvalidMessage("error.code is not a number");
}

/** The ledgers that a node has. */
export interface NodeLedgers {
  readonly newest: bigint;
  readonly oldest: bigint;
}

/** Asks which ledgers the node has. @throws VenueUnavailable where it lags behind the network, by its own judgement */
export async function readNodeLedgers(get: VenueGet, endpoint: Endpoint): Promise<NodeLedgers> {
  const health = resultOf(await callRpc(get, endpoint, "getHealth"), "getHealth");
  return { newest: wholeField(health, "latestLedger"), oldest: wholeField(health, "oldestLedger") };
}
