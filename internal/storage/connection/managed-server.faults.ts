import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { canStartPgBouncer, type PgBouncer, startPgBouncer } from "../../../test/faults/pgbouncer.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "../../../test/faults/postgres-server.ts";
import { openDatabase } from "../open-database.ts";
import type { Database } from "./database.ts";

const WHAT = "connections to a server with TLS, sockets and passwords";
const PASSWORD = "p@s/w:rd?#%&+ ü";
const ESCAPED = encodeURIComponent(PASSWORD);
const HBA = `
local   all  postgres                trust
local   all  app                     scram-sha-256
hostssl all  certified  all          cert
hostssl all  app        127.0.0.1/32 scram-sha-256
hostssl all  app        ::1/128      scram-sha-256
host    all  open       127.0.0.1/32 scram-sha-256
`;

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) console.warn(`left out: ${WHAT}, because there is no openssl to run`);
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

describe.skipIf(!hasOpenssl || !canStartPostgres(WHAT))("a server like those of hosting providers", () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-test-certificates-"));
  const file = (name: string) => join(directory, name);
  const opened: Database[] = [];
  let server: PostgresServer;

  beforeAll(async () => {
    makeCertificates(directory);
    server = await makePostgresServer(null, {
      settings: [
        `listen_addresses=127.0.0.1${hasIpv6 ? ",::1" : ""}`,
        "unix_socket_directories=.",
        "ssl=on",
        "ssl_ca_file=ca.crt",
      ],
      files: {
        "pg_hba.conf": HBA,
        "server.crt": readFileSync(file("server.crt"), "utf8"),
        "server.key": readFileSync(file("server.key"), "utf8"),
        "ca.crt": readFileSync(file("ca.crt"), "utf8"),
      },
    });
    await server.start();
    const sql = postgres({ path: join(server.directory, `.s.PGSQL.${server.port}`), user: "postgres", max: 1 });
    for (const role of ["app", "certified", "open"]) {
      await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    }
    await sql.end();
  });
  afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())));
  afterAll(async () => {
    await server?.remove();
    rmSync(directory, { recursive: true });
  });

  async function open(url: string, env = {}): Promise<Database> {
    const one = await openDatabase({ url, max_connections: 1 }, { env });
    opened.push(one);
    return one;
  }

  /** Returns the connected user, and whether the connection is encrypted. */
  async function connectionTo(url: string, env = {}): Promise<unknown> {
    const { sql } = await open(url, env);
    const [row] = await sql`
      SELECT current_user::text AS user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
    return { ...row };
  }

  const at = (userinfo: string, query = "", host = "127.0.0.1") =>
    `postgres://${userinfo}@${host}:${server.port}/postgres${query}`;

  it("accepts a password with special characters", async () => {
    expect(await connectionTo(at(`app:${ESCAPED}`, "?sslmode=require"))).toEqual({ user: "app", ssl: true });
    expect(await connectionTo(at("app", "?sslmode=require"), { PGPASSWORD: PASSWORD })).toEqual({
      user: "app",
      ssl: true,
    });
    const byVariables = {
      PGHOST: "127.0.0.1",
      PGPORT: String(server.port),
      PGUSER: "app",
      PGPASSWORD: PASSWORD,
      PGDATABASE: "postgres",
      PGSSLMODE: "require",
    };
    expect(await connectionTo("postgres://", byVariables)).toEqual({ user: "app", ssl: true });
  });

  it("is verified by its authority's certificate and its host name", async () => {
    const app = (mode: string, host?: string) =>
      at(`app:${ESCAPED}`, `?sslmode=${mode}&sslrootcert=${file("ca.crt")}`, host);
    expect(await connectionTo(app("verify-full", "localhost"))).toMatchObject({ ssl: true });
    expect(await connectionTo(app("verify-ca"))).toMatchObject({ ssl: true });
    expect(await connectionTo(app("require"))).toMatchObject({ ssl: true });
    await expect(open(app("verify-full"))).rejects.toThrow(/certificate is rejected: .*127\.0\.0\.1/);
    const other = at(`app:${ESCAPED}`, `?sslmode=require&sslrootcert=${file("other.crt")}`);
    await expect(open(other)).rejects.toThrow(/certificate is rejected/);
    const unnamed = at(`app:${ESCAPED}`, "?sslmode=verify-full", "localhost");
    await expect(open(unnamed)).rejects.toThrow(
      /certificate is rejected.*set sslrootcert to the file of its CA certificate/,
    );
    const missing = at(`app:${ESCAPED}`, `?sslmode=verify-full&sslrootcert=${file("none.crt")}`);
    await expect(open(missing)).rejects.toThrow(/the file of sslrootcert, .*none\.crt, cannot be read \(ENOENT\)/);
  });

  it("accepts a client certificate instead of a password, with and without an encrypted key", async () => {
    const own = (key: string, more = "") =>
      at("certified", `?sslmode=require&sslcert=${file("client.crt")}&sslkey=${file(key)}${more}`);
    expect(await connectionTo(own("client.key"))).toEqual({ user: "certified", ssl: true });
    expect(await connectionTo(own("locked.key", "&sslpassword=a+key"))).toEqual({ user: "certified", ssl: true });
    await expect(open(own("locked.key", "&sslpassword=wrong"))).rejects.toThrow(/sslpassword do not fit together/);
    await expect(open(own("server.key"))).rejects.toThrow(/sslpassword do not fit together/);
    await expect(open(at("certified", "?sslmode=require"))).rejects.toThrow(
      /refuses the login \(connection requires a valid client certificate\)/,
    );
  });

  it("can be reached over a Unix socket, which is not encrypted", async () => {
    const socket = `postgres://app:${ESCAPED}@:${server.port}/postgres?host=${server.directory}&sslmode=require`;
    expect(await connectionTo(socket)).toEqual({ user: "app", ssl: false });
    const escaped = `postgres://app:${ESCAPED}@${encodeURIComponent(server.directory)}:${server.port}/postgres`;
    expect(await connectionTo(escaped)).toEqual({ user: "app", ssl: false });
    await expect(open(`postgres://app@/postgres?host=${directory}`)).rejects.toThrow(
      /does not answer \(connect ENOENT/,
    );
  });

  it.skipIf(!hasIpv6)("can be reached at an IPv6 address", async () => {
    expect(await connectionTo(at(`app:${ESCAPED}`, "?sslmode=require", "[::1]"))).toEqual({ user: "app", ssl: true });
  });
  if (!hasIpv6) console.warn("left out: a server by its IPv6 address, because this machine has none");

  it("reports the reason of a failed login without showing the password", async () => {
    const refusals: [string, RegExp][] = [
      [
        at("open:hunter2"),
        /refuses the password \(password authentication failed for user "open"\); check user and pass/,
      ],
      [at("nobody:hunter2", "?sslmode=require"), /refuses the login \(no pg_hba.conf entry.*; check user/],
      [at("app:hunter2"), /refuses unencrypted connections \(no pg_hba.conf .*; add sslmode=verify-full/],
      [
        at(`open:${ESCAPED}`).replace(/postgres$/, "hunter3"),
        /there is no such database \(database "hunter3" does not/,
      ],
      [at(`open:${ESCAPED}`, "?work_mam=1"), /refuses a parameter of \[database\] url \(unrecognized .*"work_mam"/],
      [at(`open:${ESCAPED}`, "?statement_timeout=banana"), /refuses a parameter of \[database\] url \(invalid value/],
      [at("open:hunter2", "?channel_binding=require"), /of channel_binding; expected sslmode=verify-full/],
    ];
    for (const [url, message] of refusals) {
      const refused = open(url);
      await expect(refused).rejects.toThrow(message);
      await expect(refused).rejects.not.toThrow(/hunter2|p@s|p%40s/);
    }
  });

  it.skipIf(!canStartPgBouncer("a wrong password that a pooler refuses"))(
    "behind a pooler refuses a wrong password",
    async () => {
      const behind = `host=${server.directory} port=${server.port} user=postgres`;
      const pooler: PgBouncer = await startPgBouncer(behind, ['"app" "right"']);
      const through = (password: string) => `postgres://app:${password}@127.0.0.1:${pooler.port}/postgres`;
      expect(await connectionTo(through("right"))).toMatchObject({ user: "postgres" });
      await expect(open(through("wrong"))).rejects.toThrow(/the database refuses the password \(/);
      await pooler.remove();
    },
  );
});

/** Creates an authority with a server and a client certificate, and an unrelated authority. */
function makeCertificates(directory: string): void {
  const run = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  for (const name of ["ca", "other"]) {
    run("req", "-x509", ...kind, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.crt`);
  }
  writeFileSync(join(directory, "names"), "subjectAltName=DNS:localhost\n");
  for (const [name, subject] of [
    ["server", "localhost"],
    ["client", "certified"],
  ]) {
    run("req", "-new", ...kind, "-subj", `/CN=${subject}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
    run("x509", "-req", "-in", `${name}.csr`, ...signed, "-out", `${name}.crt`);
  }
  run("pkcs8", "-topk8", "-in", "client.key", "-passout", "pass:a+key", "-out", "locked.key");
}
