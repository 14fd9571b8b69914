import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FaultProxy, startFaultProxy } from "../../../test/faults/fault-proxy.ts";
import { asError } from "../../lib/as-error.ts";
import { openDatabase } from "../open-database.ts";
import { createTestDatabase, testEngines } from "./database.testing.ts";
import type { ConnectionOptions, Database } from "./database.ts";
import { connect as connectSql } from "./pool.ts";

const NOBODY = "127.0.0.1:1";

describe.each(testEngines.filter(({ server }) => server !== null))("connecting to $name", (engine) => {
  const { server } = engine;
  const opened: Database[] = [];
  const proxies: FaultProxy[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await Promise.all(proxies.splice(0).map((each) => each.close()));
  });

  /** Returns the server's URL with other addresses: `host:port`, separated by commas. */
  const at = (addresses: string, parameters = "", url = server ?? "") =>
    `${url.replace(new URL(url).host, addresses)}${parameters}`;
  const port = Number(new URL(server ?? "postgres://none").port || 5432);

  async function open(url: string, options: ConnectionOptions = {}, max_connections = 1) {
    const one = await openDatabase({ url, max_connections, connect_timeout_seconds: 1 }, options);
    opened.push(one);
    return one;
  }

  async function proxied(): Promise<[FaultProxy, string]> {
    const proxy = await startFaultProxy(port);
    proxies.push(proxy);
    return [proxy, `127.0.0.1:${proxy.port}`];
  }

  const codeOf = (run: PromiseLike<unknown>): PromiseLike<unknown> =>
    run.then(
      () => null,
      (error: { code?: unknown }) => error.code ?? error,
    );

  it("knows the array types on each connection, and queries them only on the first", async () => {
    const { sql } = await open(server ?? "", {}, 2);
    expect(sql.options.fetch_types).toBe(false);
    const rows = await Promise.all(
      ["a", "b"].map((text) => sql`SELECT pg_backend_pid() AS pid, ${[text]}::text[] AS list, pg_sleep(0.05)`),
    );
    expect(rows.map(([row]) => row?.["list"])).toEqual([["a"], ["b"]]);
    expect(new Set(rows.map(([row]) => row?.["pid"])).size).toBe(2);
  });

  it("tries the next address if one does not answer, and keeps it", async () => {
    const [proxy, address] = await proxied();
    const { sql } = await open(at(`${NOBODY},${address}`));
    expect(await codeOf(sql`SELECT 1`)).toBe(null);
    // After the lost address come one without a server, and then the first one again.
    proxy.cut();
    await expect.poll(() => codeOf(sql`SELECT 1`)).toBe(null);
  });

  it("fails if no address answers, and works as soon as one does", async () => {
    const [proxy, address] = await proxied();
    const { sql } = await open(at(`${address},${NOBODY}`));
    proxy.blackhole();
    proxy.cut();
    const code = await codeOf(sql`SELECT 1`);
    expect(code).toEqual(expect.any(String));
    await expect(openDatabase({ url: at(`${NOBODY},localhost:2`), max_connections: 1 })).rejects.toThrow(
      "ECONNREFUSED",
    );
    proxy.restore();
    proxy.cut();
    await expect.poll(() => codeOf(sql`SELECT 1`), { timeout: 20_000 }).toBe(null);
  });

  it("reports a server that accepts connections without answering, and one that closes them", async () => {
    const servers = [createServer(() => {}), createServer((client) => client.once("data", () => client.end()))];
    await Promise.all(servers.map(listening));
    const [mute, closing] = servers.map((each) => `127.0.0.1:${(each.address() as AddressInfo).port}`) as [
      string,
      string,
    ];
    await expect(open(at(mute))).rejects.toThrow(
      `the database does not answer in time (${mute} accepts the connection, but does not answer the login within 1 s)`,
    );
    await expect(open(at(closing))).rejects.toThrow(
      `the connection to the database is closed before it is ready (${closing} accepts the connection, but closes it before the login is complete)`,
    );
    // Neither prevents the use of the server that answers.
    for (const attrs of ["any", "primary"]) {
      const { sql } = await open(at(`${mute},${closing},127.0.0.1:${port}`, `?target_session_attrs=${attrs}`));
      expect(await codeOf(sql`SELECT 1`)).toBe(null);
    }
    await Promise.all(opened.splice(0).map((each) => each.close()));
    for (const each of servers) each.close();
  });

  it.each(["read-write", "primary", "any", "prefer-standby"])(
    "target_session_attrs=%s accepts the primary, although the role's sessions are read only",
    async (attrs) => {
      const created = await createTestDatabase(engine);
      const admin = connectSql(server ?? "", { max: 1 });
      const { pathname } = new URL(created.url);
      await admin.unsafe(`ALTER DATABASE ${pathname.slice(1)} SET default_transaction_read_only = on`);
      const [, address] = await proxied();
      const url = (addresses: string) => at(addresses, `?target_session_attrs=${attrs}`, created.url);
      for (const addresses of [`${NOBODY},${address}`, `${address},${NOBODY}`, address]) {
        const { sql } = await open(url(addresses));
        expect(await codeOf(sql`SELECT 1`)).toBe(null);
      }
      await Promise.all(opened.splice(0).map((each) => each.close()));
      await created.drop();
      await admin.end();
    },
  );

  it.each(["standby", "read-only"])("target_session_attrs=%s refuses the primary by its name", async (attrs) => {
    const [, address] = await proxied();
    const url = at(`${NOBODY},${address}`, `?target_session_attrs=${attrs}`);
    const reason = `none of the servers is a standby: ${NOBODY} connect ECONNREFUSED ${NOBODY}; ${address} is a primary`;
    await expect(open(url)).rejects.toThrow(reason);
  });

  it("closes all connections even if the server does not answer", async () => {
    let isSilent = false;
    let there: Socket | undefined;
    const relay = createServer({ allowHalfOpen: true }, (client) => {
      there = client;
      const upstream = connect({ port, host: "127.0.0.1" });
      for (const each of [client, upstream]) each.on("error", () => {});
      client.on("data", (bytes) => isSilent || upstream.write(bytes));
      upstream.on("data", (bytes) => client.write(bytes));
      client.on("close", () => upstream.destroy());
    });
    await listening(relay);
    const { port: relayed } = relay.address() as AddressInfo;
    const one = await openDatabase({ url: at(`127.0.0.1:${relayed}`), max_connections: 1 });
    isSilent = true;
    const asked = codeOf(one.sql`SELECT 1`.execute());
    await one.close();
    expect(await asked).toEqual(expect.any(String));
    // A connection that is closed in one direction only would still accept this.
    const isClosed = () => {
      there?.write("?");
      return there?.destroyed;
    };
    await expect.poll(isClosed).toBe(true);
    relay.close();
  });

  describe.skipIf(!canMakeCertificates())("with TLS", () => {
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-test-tls-"));
    let tls: Server;
    let isSilent = false;
    beforeAll(async () => {
      const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
      const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
      const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
      execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
      const secrets = { key: readFileSync(key), cert: readFileSync(cert) };
      tls = createServer((client) => {
        client.on("error", () => {});
        client.once("data", () => {
          client.write("S");
          const encrypted = new TLSSocket(client, { isServer: true, ...secrets });
          const upstream = connect({ port, host: "127.0.0.1" });
          for (const each of [encrypted, upstream]) each.on("error", () => {});
          encrypted.on("data", (bytes) => upstream.write(bytes));
          upstream.on("data", (bytes) => isSilent || encrypted.write(bytes));
          encrypted.on("close", () => upstream.destroy());
        });
      });
      await listening(tls);
    });
    afterAll(() => {
      tls?.close();
      rmSync(directory, { recursive: true });
    });
    const tlsAddress = (host: string) => `${host}:${(tls.address() as AddressInfo).port}`;

    it.each(["require", "prefer", "allow"])("sslmode=%s accepts any certificate, and reads time out", async (mode) => {
      isSilent = false;
      const { sql } = await open(at(tlsAddress("127.0.0.1"), `?sslmode=${mode}`), { queryTimeoutSeconds: 0.1 });
      expect(await codeOf(sql`SELECT 1`)).toBe(null);
      isSilent = true;
      expect(await codeOf(sql`SELECT 1`)).toBe("ETIMEDOUT");
    });

    it("sslmode=verify-full refuses a certificate without a trusted authority", async () => {
      isSilent = false;
      await expect(open(at(tlsAddress("localhost"), "?sslmode=verify-full"))).rejects.toThrow("self-signed");
    });

    it("a server without TLS is refused, except by prefer", async () => {
      const plain = at(`127.0.0.1:${port}`, "?sslmode=");
      const { sql } = await open(`${plain}prefer`);
      const [row] = await sql<{ ssl: boolean }[]>`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
      if (row?.ssl === true) {
        console.log("left out: sslmode=require on a server without TLS, because the one of the tests has TLS");
        return;
      }
      await expect(open(`${plain}require`)).rejects.toThrow("the server has no TLS");
    });
  });
});

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function canMakeCertificates(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch (error) {
    console.log(`left out: connections with TLS, because openssl cannot be run (${asError(error).message})`);
    return false;
  }
}
