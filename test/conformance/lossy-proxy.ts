import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What the proxy does with the calls that it disturbs, in turn. */
const TREATMENTS = ["answer", "lose the answer", "answer", "refuse"] as const;

/** A network in front of the control API that a worker has to bear. */
export interface LossyProxy {
  readonly url: string;
  readonly close: () => void;
}

/**
 * Starts a proxy that disturbs every second `report` and `extend`: it loses the answer, after the daemon has done what
 * it was asked for, or it answers 503 in the daemon's place.
 */
export async function startLossyProxy(target: string): Promise<LossyProxy> {
  // Counted apart, so that of two heartbeats in a row one gets through.
  const calls = { report: 0, extend: 0 };
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const [, path] = /\/work\/(report|extend)$/.exec(incoming.url ?? "") ?? [];
    const treatment =
      path === undefined ? "answer" : TREATMENTS[calls[path as keyof typeof calls]++ % TREATMENTS.length];
    if (treatment === "refuse") {
      outgoing.writeHead(503, { "Retry-After": "0" }).end("no upstream");
      return;
    }
    const { authorization = "", "content-type": type = "" } = incoming.headers;
    const answer = await fetch(`${target}${incoming.url}`, {
      method: incoming.method ?? "POST",
      headers: { Authorization: authorization, "Content-Type": type },
      body: Buffer.concat(chunks),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (treatment === "lose the answer") outgoing.destroy();
    else outgoing.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") ?? "" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
