import { describe, expect, it } from "vitest";
import { UnusableUrl } from "../../canonical/unusable-url.ts";
import { parseDatabaseUrl } from "./database-url.ts";

function refusalOf(url: string, env = {}): UnusableUrl {
  try {
    parseDatabaseUrl(url, env);
  } catch (error) {
    if (error instanceof UnusableUrl) return error;
    throw error;
  }
  throw new Error(`${url} was taken`);
}

describe("the servers of a database URL", () => {
  it.each([
    ["postgres://h/db", [{ host: "h", port: 5432 }]],
    ["postgresql://u:p@h:1/db", [{ host: "h", port: 1 }]],
    [
      "postgres://a:1,b,[::1]:3/db",
      [
        { host: "a", port: 1 },
        { host: "b", port: 5432 },
        { host: "::1", port: 3 },
      ],
    ],
    ["postgres://u@[2001:db8::1]/db", [{ host: "2001:db8::1", port: 5432 }]],
    ["postgres:///db", [{ host: "localhost", port: 5432 }]],
    [
      "postgres:///db?host=a,b&port=1,2",
      [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
    ],
    [
      "postgres:///db?host=a,b&port=7",
      [
        { host: "a", port: 7 },
        { host: "b", port: 7 },
      ],
    ],
    ["postgres://h:9/db?host=/run", [{ path: "/run/.s.PGSQL.9" }]],
    ["postgres:///db?host=/var/run/postgresql", [{ path: "/var/run/postgresql/.s.PGSQL.5432" }]],
    ["postgres://%2Fvar%2Frun%2Fpostgresql:7/db", [{ path: "/var/run/postgresql/.s.PGSQL.7" }]],
  ])("of %s", (url, addresses) => expect(parseDatabaseUrl(url).addresses).toEqual(addresses));

  it("come from the environment if the URL names none", () => {
    const env = { PGHOST: "a", PGPORT: "6", PGUSER: "u", PGPASSWORD: "p", PGDATABASE: "d" };
    expect(parseDatabaseUrl("postgres://", env)).toMatchObject({
      addresses: [{ host: "a", port: 6 }],
      user: "u",
      password: "p",
      database: "d",
    });
    expect(parseDatabaseUrl("postgres://v:q@b/e", env)).toMatchObject({
      addresses: [{ host: "b", port: 6 }],
      user: "v",
      password: "q",
      database: "e",
    });
  });
});

describe("user, password and database", () => {
  it.each([
    ["postgres://u:p%40s%2Fs%3A%3F%23%25%20@h/d%20b", "p@s/s:?#% ", "d b"],
    ["postgres://u:p@s@h/db", "p@s", "db"],
    ["postgres://u:p@h/db\n", "p", "db"],
    ["postgres://u:a:b+c@h/db", "a:b+c", "db"],
    ["postgres://h/?user=u&password=p+%26&dbname=db", "p+&", "db"],
  ])("of %s", (url, password, database) => {
    expect(parseDatabaseUrl(url)).toMatchObject({ user: "u", password, database });
  });

  it.each([
    "postgres://u:hunter2/x@h/db",
    "postgres://u:hunter2?x@h/db",
    "postgres://u:hunter2#x@h/db",
    "postgres://u:hunter2%zz@h/db",
    "postgres://u:12/hunter2@h/db",
    "postgres://u:12?hunter2@h/db",
    "postgres://u:12?hunter2=x@h/db",
    "postgres://u:12#hunter2@h/db",
    "postgres://h:hunter2/db",
    "postgres://h/db?hunter2",
  ])("%s is refused with the escapes for special characters, without the password", (url) => {
    const { message } = refusalOf(url);
    expect(message).toContain("@ / : ? # % and blanks written as %40 %2F");
    expect(message).not.toContain("hunter2");
  });
});

describe("the parameters of libpq", () => {
  it.each([
    ["channel_binding=require", /channel_binding; expected sslmode=verify-full/],
    ["gssencmode=require", /gssencmode; expected none: Kerberos/],
    ["requirepeer=postgres", /requirepeer/],
    ["require_auth=scram-sha-256", /require_auth/],
    ["sslcrl=/revoked.pem", /sslcrl; expected none/],
    ["service=prod", /service; expected the settings of the file/],
    ["passfile=/pass", /passfile; .*PGPASSWORD/],
    ["hostaddr=127.0.0.1", /hostaddr; expected the address as the host/],
    ["load_balance_hosts=random", /load_balance_hosts/],
    ["keepalives=0", /keepalives; expected none/],
    ["client_encoding=latin1", /client_encoding/],
    ["ssl=true", /ssl; expected sslmode=require/],
    ["pgbouncer=true", /pgbouncer; expected none: a pooler is detected/],
    ["sslmode=on", /an unknown sslmode; expected one of disable, prefer, allow, require, verify-ca, verify-full/],
    ["sslrootcert=/ca.crt", /sslrootcert, but connections are not encrypted; expected sslmode=verify-full in addition/],
    ["sslmode=disable&sslcert=/c&sslkey=/k", /sslcert, but connections are not encrypted/],
    ["sslmode=require&sslcert=/c", /only one of sslcert and sslkey/],
    ["sslmode=require&sslrootcert=system", /sslrootcert=system.*; expected sslmode=verify-full in addition/],
    ["sslmode=require&ssl_min_protocol_version=SSLv3", /ssl_min_protocol_version; expected one of TLSv1,/],
    ["target_session_attrs=master", /an unknown target_session_attrs; expected one of any, read-write, primary/],
    ["connect_timeout=soon", /a connect_timeout that is not a whole number of seconds/],
    ["host=a,b&port=1,2,3", /2 hosts and 3 ports/],
    ["port=x", /an invalid port/],
  ])("%s is refused by name", (query, message) => {
    expect(refusalOf(`postgres://u:hunter2@h/db?${query}`).message).toMatch(message);
  });

  it.each([
    "channel_binding=prefer",
    "channel_binding=disable",
    "gssencmode=disable",
    "gssencmode=prefer",
    "sslcompression=0",
    "sslsni=1",
    "client_encoding=UTF8",
    "keepalives=1",
    "load_balance_hosts=disable",
    "ssl=false",
    "sslmode=",
    "requirepeer=",
  ])("%s is accepted, since it is the default", (query) => {
    expect(parseDatabaseUrl(`postgres://u:p@h/db?${query}`)).toEqual(parseDatabaseUrl("postgres://u:p@h/db"));
  });

  it("come from the environment if the URL has none, and are refused by the variable's name", () => {
    expect(parseDatabaseUrl("postgres://h/db", { PGSSLMODE: "verify-full" }).tls).toMatchObject({
      mode: "verify-full",
    });
    const both = parseDatabaseUrl("postgres://h/db?sslmode=require", { PGSSLMODE: "disable", PGCONNECT_TIMEOUT: "7" });
    expect(both).toMatchObject({ tls: { mode: "require" }, connectTimeoutSeconds: 7 });
    expect(refusalOf("postgres://h/db", { PGCHANNELBINDING: "require" }).message).toContain("of PGCHANNELBINDING;");
    expect(refusalOf("postgres://h/db", { PGSERVICE: "prod" }).message).toContain("of PGSERVICE;");
    expect(refusalOf("postgres://h/db", { PGTARGETSESSIONATTRS: "any" }).message).toContain(
      "competes with the variable PGTARGETSESSIONATTRS",
    );
  });

  it("define how connections are encrypted", () => {
    const query =
      "sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k&sslpassword=p&sslnegotiation=direct&ssl_min_protocol_version=TLSv1.3";
    expect(parseDatabaseUrl(`postgres://h/db?${query}`).tls).toEqual({
      mode: "verify-full",
      isDirect: true,
      rootCertificate: "/ca",
      own: { certificate: "/c", key: "/k", password: "p" },
      versions: { minVersion: "TLSv1.3" },
    });
    expect(parseDatabaseUrl("postgres://h/db?sslmode=verify-full&sslrootcert=system").tls).toMatchObject({
      mode: "verify-full",
      rootCertificate: null,
    });
    expect(parseDatabaseUrl("postgres://h/db?sslmode=require&sslrootcert=/ca").tls).toMatchObject({
      mode: "verify-ca",
    });
    expect(parseDatabaseUrl("postgres:///db?host=/run&sslmode=require").tls).toBe(null);
  });

  it("that libpq does not know are sent as session settings", () => {
    const url = "postgres://h/db?application_name=mine&options=-c%20jit%3Doff&work_mem=8MB&sslmode=require&__proto__=x";
    expect(Object.entries(parseDatabaseUrl(url).settings)).toEqual([
      ["application_name", "mine"],
      ["options", "-c jit=off"],
      ["work_mem", "8MB"],
      ["__proto__", "x"],
    ]);
  });
});
