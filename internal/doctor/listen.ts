import { once } from "node:events";
import { createServer } from "node:net";
import { formatListen, type Listen } from "../config/sections/fields.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/** A response by which one of our daemons is recognised: `path` contains the text `contains`. */
export interface Fingerprint {
  readonly path: string;
  readonly contains: string;
}

/** Ops listener of either daemon. */
export const OPS_FINGERPRINT: Fingerprint = { path: "/healthz", contains: '"status":"ok"' };
/** The API. */
export const API_FINGERPRINT: Fingerprint = { path: "/v1/openapi.json", contains: "Stellar Index" };

const TIMEOUT_MS = 5_000;

/** Checks that a daemon can listen on an address, or already does. @param key the address's configuration key */
export async function checkListen(key: string, listen: Listen, fingerprint: Fingerprint): Promise<Finding> {
  const address = formatListen(listen);
  if (listen.port === 0) return ok(`${key}: the system chooses a port`);
  const refusal = await tryListening(listen);
  if (refusal === null) return ok(`${key}: ${address} is free, no daemon runs there`);
  if (refusal !== "EADDRINUSE") {
    return wrong(`${key}: cannot listen on ${address} (${refusal})`, `set ${key} to an address of this machine`);
  }
  return (await answers(listen, fingerprint))
    ? ok(`${key}: a stellarindex daemon answers at ${address}`)
    : wrong(
        `${key}: ${address} is in use by a program that does not answer like a stellarindex daemon`,
        `find it (ss -ltnp) and stop it, restart it if it is a stellarindex daemon that hangs, or set another ${key}`,
      );
}

/** Returns the error code if the address cannot be listened on, else null. */
async function tryListening({ host, port }: Listen): Promise<string | null> {
  const server = createServer();
  try {
    await once(server.listen(port, host), "listening");
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    server.close();
  }
}

async function answers({ host, port }: Listen, { path, contains }: Fingerprint): Promise<boolean> {
  const reached = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  try {
    const response = await fetch(`http://${formatListen({ host: reached, port })}${path}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok && (await response.text()).includes(contains);
  } catch {
    return false;
  }
}
