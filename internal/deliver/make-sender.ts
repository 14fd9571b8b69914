import { validateHeaderValue } from "node:http";
import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import type { Env } from "../config/env.ts";
import type { DeliverySettings } from "../config/sections/deliveries.ts";
import { InvalidJson } from "../lib/exact-json.ts";
import { parseSigningSecret, type SigningSecret } from "../lib/signing-secret.ts";
import { deliveryIdOf } from "./delivery-id.ts";
import { graphqlProtocol } from "./graphql/graphql.ts";
import { Unmappable } from "./mapping.ts";
import type { Protocol } from "./protocol.ts";
import { makeRedact } from "./redact.ts";
import { readSecret } from "./secret-values.ts";
import type { OutgoingEvent, Send } from "./sender.ts";
import { isAnswer, retry } from "./status.ts";
import { type Resolve, systemResolve } from "./transport/pinned-lookup.ts";
import { makePost } from "./transport/post.ts";
import { webhookProtocol } from "./webhook/webhook.ts";

export interface SenderDependencies {
  /** Where `{ env = … }` is read. */
  readonly env: Env;
  readonly now: () => Micros;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** PEM of authorities that are trusted instead of the system's. Default: the system's, with NODE_EXTRA_CA_CERTS. */
  readonly authorities?: string;
}

/** W3C Trace Context. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Returns what sends events to a destination, over connections of its own. Its secrets are read here, once. Sending never
 * throws, and what an aborted signal ends is a retry for the reason `aborted`.
 * @throws InputError where a secret cannot be read or is none
 */
export function makeSender(settings: DeliverySettings, dependencies: SenderDependencies): Send {
  const { name, url, timeout, concurrency, allow } = settings;
  const { env, now, resolve = systemResolve, authorities = null } = dependencies;
  const key = `deliveries ${JSON.stringify(name)}`;
  const headers = readHeaders(settings, key, env);
  const secrets = settings.secrets.map((secret, index) => readSecret(secret, `${key}: secrets[${index}]`, env));
  const { pathname, search } = new URL(url);
  const redact = makeRedact([...Object.values(headers), ...secrets, `${pathname}${search}`]);
  const protocol = protocolOf(settings, secrets, key);
  const post = makePost({
    url: new URL(url),
    timeoutSeconds: timeout,
    maxConnections: concurrency,
    allow,
    resolve,
    authorities,
  });

  return async (event, _attempt, signal) => {
    const request = write(protocol, event, deliveryIdOf(name, event), now());
    if (typeof request === "string") return retry("mapping_failed", redact(request));
    const all = { "user-agent": "stellarindex", ...headers, ...request.headers, ...traceOf(event) };
    const exchange = await post(all, request.body, signal);
    if (!isAnswer(exchange)) return retry(exchange.reason, redact(exchange.detail));
    return protocol.read(exchange, { now: Number(now() / 1000n), redact });
  };
}

function protocolOf(
  { type, body, query = "", variables = new Map() }: DeliverySettings,
  secrets: readonly string[],
  key: string,
): Protocol {
  if (type === "graphql") return graphqlProtocol(query, variables);
  return webhookProtocol(
    secrets.map((text, index) => readSigningSecret(text, `${key}: secrets[${index}]`)),
    body,
  );
}

/** Returns the request of an event, or why it cannot be written. */
function write(protocol: Protocol, event: OutgoingEvent, deliveryId: string, now: Micros) {
  try {
    return protocol.request(event, deliveryId, now);
  } catch (error) {
    if (error instanceof Unmappable) return error.message;
    if (error instanceof InvalidJson) return "the event's data are not JSON";
    throw error;
  }
}

function traceOf({ traceparent }: OutgoingEvent): { readonly traceparent?: string } {
  return traceparent !== null && TRACEPARENT.test(traceparent) ? { traceparent } : {};
}

function readHeaders({ headers }: DeliverySettings, key: string, env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const at = `${key}: headers.${name}`;
      const text = readSecret(value, at, env);
      try {
        validateHeaderValue(name, text);
      } catch {
        throw new InputError(`${at}: what was read is no value of a header; write it on one line of ASCII characters`);
      }
      return [name.toLowerCase(), text];
    }),
  );
}

function readSigningSecret(text: string, key: string): SigningSecret {
  try {
    return parseSigningSecret(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${key}: what was read ${error.message}; write whsec_… or whsk_…`);
  }
}
