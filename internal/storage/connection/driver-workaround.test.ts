import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { startFaultProxy } from "../../../test/faults/fault-proxy.ts";
import { testEngines } from "./database.testing.ts";
import { connect } from "./pool.ts";
import { openSockets } from "./socket.ts";

describe.each(testEngines.filter(({ server }) => server !== null))("the driver on $name", ({ server }) => {
  it("rejects a query that is sent while its connection closes, instead of waiting", async () => {
    const { port, host } = new URL(server ?? "");
    const proxy = await startFaultProxy(Number(port || 5432));
    const sockets = openSockets({
      addresses: [{ host: "127.0.0.1", port: proxy.port }],
      tls: null,
      connectTimeoutSeconds: 5,
      readTimeoutSeconds: null,
      wanted: null,
      readServerState: async () => ({ role: "primary", timeline: 0 }),
    });
    let socket: Duplex | undefined;
    const sql = connect((server ?? "").replace(host, `127.0.0.1:${proxy.port}`), {
      max: 1,
      connect_timeout: 5,
      socket: async () => {
        socket = await sockets.open();
        return socket;
      },
    });
    const codeOf = (run: PromiseLike<unknown>) =>
      run.then(
        () => null,
        (error: { code?: unknown }) => error.code,
      );
    for (let round = 0; round < 5; round++) {
      await codeOf(sql`SELECT 1`);
      const asked = [codeOf(sql`SELECT 2`)];
      // The driver sends a query in the next turn of the event loop, when the connection may be closed.
      const ask = (): void => {
        asked.push(codeOf(sql`SELECT 3`));
        if (asked.length < 10) setImmediate(ask);
      };
      socket?.once("error", ask);
      // A connection that has just closed may still be counted.
      expect(proxy.cut()).toBeGreaterThan(0);
      await expect.poll(() => asked.length).toBe(10);
      const codes = await Promise.all(asked);
      expect(codes).not.toContain("CONNECT_TIMEOUT");
      expect(codes.at(-1)).toBe(null);
    }
    await sql.end();
    sockets.destroy();
    await proxy.close();
  });
});
