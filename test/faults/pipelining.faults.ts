import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { startProgram } from "../program.ts";

const CONNECTIONS = 200;
const REQUEST = "GET /v1/sources HTTP/1.1\r\nHost: x\r\n\r\n";
/** The allowed memory above that of the idle process; the requests are 20 MB in total. */
const MOST_GROWTH_KB = 150_000;

if (process.platform !== "linux") console.log("left out: memory under pipelined requests, because it needs /proc");

it.skipIf(process.platform !== "linux").each([0, 60])(
  `${CONNECTIONS} connections that send 100 kB of requests each and read nothing use little memory; rate limit %i`,
  async (limit) => {
    const environment = {
      NODE_OPTIONS: "--max-old-space-size=96",
      STELLARINDEX_API_LISTEN: "127.0.0.1:0",
      STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
      STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
      STELLARINDEX_API_RATE_LIMIT_PER_MINUTE: String(limit),
    };
    const program = startProgram(["start", "--no-market"], environment);
    const [api] = /http:\S+(?=\/docs )/.exec(await program.line((line) => line.includes("/docs "))) ?? [];
    const [ops] = /http:\S+(?=\/metrics)/.exec(await program.line((line) => line.includes("/metrics"))) ?? [];
    const peakKb = (): number =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${program.process.pid}/status`, "utf8"))?.[1]);
    const before = peakKb();
    const flood = REQUEST.repeat(Math.ceil(100_000 / REQUEST.length));
    const sockets = Array.from({ length: CONNECTIONS }, () => {
      const socket = connect(Number(new URL(api ?? "").port), "127.0.0.1");
      socket.on("error", () => {}).pause();
      socket.write(flood);
      return socket;
    });
    // Other clients are answered meanwhile.
    for (let times = 0; times < 20; times++) {
      expect([200, 429]).toContain((await fetch(`${api}/v1/sources`)).status);
      expect((await fetch(`${ops}/healthz`)).status).toBe(200);
    }
    expect(peakKb() - before).toBeLessThan(MOST_GROWTH_KB);
    for (const socket of sockets) socket.destroy();
    expect(await program.stop()).toBe(0);
  },
);
