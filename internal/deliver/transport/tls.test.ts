import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { send, settingsOf } from "../deliver.testing.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) console.warn("left out: deliveries over TLS, because there is no openssl to run");

/** Creates a certificate of receiver.test, which is its own authority. */
function makeCertificate() {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-test-certificate-"));
  try {
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const name = ["-subj", "/CN=receiver.test", "-addext", "subjectAltName=DNS:receiver.test"];
    execFileSync("openssl", ["req", ...kind, ...name, "-keyout", "key", "-out", "cert"], {
      cwd: directory,
      stdio: "ignore",
    });
    return { key: readFileSync(join(directory, "key"), "utf8"), cert: readFileSync(join(directory, "cert"), "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

it.skipIf(!hasOpenssl)("a receiver over TLS is asked for its name, and has to prove it", async () => {
  const { key, cert } = makeCertificate();
  const asked: unknown[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    asked.push([request.headers.host, (request.socket as TLSSocket & { servername?: string }).servername]);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const to = (host: string, authorities?: string) =>
    send(settingsOf("webhook", `https://${host}:${port}/`), {
      resolve: async () => ["127.0.0.1"],
      ...(authorities === undefined ? {} : { authorities }),
    });
  expect(await to("receiver.test", cert)).toMatchObject({ outcome: "delivered" });
  expect(asked).toEqual([[`receiver.test:${port}`, "receiver.test"]]);
  expect(await to("other.test", cert)).toMatchObject({
    reason: "tls_failed",
    detail: expect.stringContaining("ALTNAME"),
  });
  expect(await to("receiver.test")).toMatchObject({ outcome: "retry", reason: "tls_failed", status: null });
  expect(asked).toHaveLength(1);
});
