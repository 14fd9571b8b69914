import { once } from "node:events";
import { createServer } from "node:net";
import { formatListen, type Listen } from "../config/fields.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/** What our own daemon answers at an address, by which it is known. */
export interface Sign {
  readonly path: string;
  readonly contains: string;
}

/** The health listener of either daemon. */
export const OPS_SIGN: Sign = { path: "/healthz", contains: '"status":"ok"' };
/** The API itself. */
export const API_SIGN: Sign = { path: "/v1/openapi.json", contains: "Stellar Index" };

const TIMEOUT_MS = 5_000;

/** Whether a daemon could listen at the address, or does so already. @param key the key that has it */
export async function checkListen(key: string, listen: Listen, sign: Sign): Promise<Finding> {
  const address = formatListen(listen);
  if (listen.port === 0) return ok(`${key}: the system chooses a port`);
  const refusal = await tryListening(listen);
  if (refusal === null) return ok(`${key}: ${address} is free, no daemon runs there`);
  if (refusal !== "EADDRINUSE") {
    return wrong(`${key}: ${address} cannot be listened on (${refusal})`, `set ${key} to an address of this machine`);
  }
  return (await answers(listen, sign))
    ? ok(`${key}: our daemon answers at ${address}`)
    : wrong(
        `${key}: ${address} is taken by a program that does not answer as ours do`,
        `see which it is (ss -ltnp): stop it, start it again if it is a daemon of ours that hangs, or set another ${key}`,
      );
}

/** The system's code for why not; null where it can be done. */
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

async function answers({ host, port }: Listen, { path, contains }: Sign): Promise<boolean> {
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
