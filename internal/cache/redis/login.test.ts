import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { connectRedis } from "./connection.ts";
import { RedisUnavailable } from "./errors.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./server.testing.ts";

describe.skipIf(!canStartRedis())("a Redis that requires a password", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await makeRedisServer(["--requirepass", "open sesame"]);
    await server.start();
  });
  afterAll(() => server?.remove());

  it.each([
    ["no password", "", /requires a password \(NOAUTH .*; add it to \[redis\] url$/],
    ["a wrong password", ":hunter2@", /refuses the password \(WRONGPASS .*; check user and password in \[redis\] url$/],
    ["an unknown user", "me:hunter2@", /refuses the password \(WRONGPASS .*; check user and password/],
  ])("is reported as such if it gets %s", async (_what, userinfo, message) => {
    const { run, close } = connectRedis(`redis://${userinfo}127.0.0.1:${server.port}`, NO_CIRCUIT_BREAKER);
    try {
      for (let times = 0; times < 3; times++) {
        const refused = run((client) => client.ping());
        await expect(refused).rejects.toThrow(message);
        await expect(refused).rejects.toBeInstanceOf(RedisUnavailable);
        await expect(refused).rejects.not.toThrow(/hunter2|no connection within/);
      }
    } finally {
      await close();
    }
  });

  it("is used as soon as the password is right", async () => {
    const { run, close } = connectRedis(`redis://:later@127.0.0.1:${server.port}`, NO_CIRCUIT_BREAKER);
    await expect(run((client) => client.ping())).rejects.toThrow("WRONGPASS");
    const admin = connectRedis(
      `redis://:${encodeURIComponent("open sesame")}@127.0.0.1:${server.port}`,
      NO_CIRCUIT_BREAKER,
    );
    await admin.run((client) => client.config("SET", "requirepass", "later"));
    await admin.close();
    await expect.poll(() => run((client) => client.ping()).catch(String)).toBe("PONG");
    await close();
  });
});

describe.skipIf(!canStartRedis())("a Redis without the database number of the URL", () => {
  it.each([
    ["has too few databases", "99", /refuses the database number in \[redis\] url \(ERR DB index is out of range\)/],
    ["does not allow the user to SELECT", "3", /refuses the database .*\(NOPERM .*'select' command\); .*\+select\)$/],
  ])("is reported if it %s, and no other database is written to", async (what, database, message) => {
    const server = await makeRedisServer();
    await server.start();
    const admin = connectRedis(server.url, NO_CIRCUIT_BREAKER);
    await admin.run((client) => client.acl("SETUSER", "bound", "on", ">secret", "~*", "&*", "+@all", "-select"));
    const userinfo = what.includes("user") ? "bound:secret@" : "";
    const { run, close } = connectRedis(`redis://${userinfo}127.0.0.1:${server.port}/${database}`, NO_CIRCUIT_BREAKER);
    try {
      for (let times = 0; times < 4; times++) {
        const refused = run((client) => client.set("a", "b"));
        await expect(refused).rejects.toThrow(message);
        await expect(refused).rejects.toBeInstanceOf(RedisUnavailable);
      }
      expect(await admin.run((client) => client.dbsize())).toBe(0);
    } finally {
      await Promise.all([close(), admin.close()]);
      await server.remove();
    }
  });
});
