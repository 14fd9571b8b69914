import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_GUARD } from "../resilience/guard.ts";
import { connectRedis } from "./redis-connection.ts";
import { RedisAway } from "./redis-errors.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./redis-server.testing.ts";

describe.skipIf(!canStartRedis())("a Redis that asks for a password", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await makeRedisServer(["--requirepass", "open sesame"]);
    await server.start();
  });
  afterAll(() => server?.remove());

  it.each([
    ["none", "", /wants a password \(NOAUTH .*; write it into \[redis\] url$/],
    ["a wrong one", ":hunter2@", /refuses the password \(WRONGPASS .*; check user and password in \[redis\] url$/],
    ["a user that it has not", "me:hunter2@", /refuses the password \(WRONGPASS .*; check user and password/],
  ])("is told as such where it gets %s", async (_what, userinfo, message) => {
    const { run, close } = connectRedis(`redis://${userinfo}127.0.0.1:${server.port}`, NO_GUARD);
    try {
      for (let times = 0; times < 3; times++) {
        const refused = run((client) => client.ping());
        await expect(refused).rejects.toThrow(message);
        await expect(refused).rejects.toBeInstanceOf(RedisAway);
        await expect(refused).rejects.not.toThrow(/hunter2|no connection within/);
      }
    } finally {
      await close();
    }
  });

  it("is served as soon as the password is right", async () => {
    const { run, close } = connectRedis(`redis://:later@127.0.0.1:${server.port}`, NO_GUARD);
    await expect(run((client) => client.ping())).rejects.toThrow("WRONGPASS");
    const admin = connectRedis(`redis://:${encodeURIComponent("open sesame")}@127.0.0.1:${server.port}`, NO_GUARD);
    await admin.run((client) => client.config("SET", "requirepass", "later"));
    await admin.close();
    await expect.poll(() => run((client) => client.ping()).catch(String)).toBe("PONG");
    await close();
  });
});

describe.skipIf(!canStartRedis())("a Redis that has not the database of the URL", () => {
  it.each([
    [
      "has too few",
      "99",
      /refuses the database that \[redis\] url names after the host \(ERR DB index is out of range\)/,
    ],
    ["lets the user select none", "3", /refuses the database .*\(NOPERM .*'select' command\); .*\+select\)$/],
  ])("is told as such where it %s, and nothing comes to another database", async (what, database, message) => {
    const server = await makeRedisServer();
    await server.start();
    const admin = connectRedis(server.url, NO_GUARD);
    await admin.run((client) => client.acl("SETUSER", "bound", "on", ">secret", "~*", "&*", "+@all", "-select"));
    const userinfo = what.includes("user") ? "bound:secret@" : "";
    const { run, close } = connectRedis(`redis://${userinfo}127.0.0.1:${server.port}/${database}`, NO_GUARD);
    try {
      for (let times = 0; times < 4; times++) {
        const refused = run((client) => client.set("a", "b"));
        await expect(refused).rejects.toThrow(message);
        await expect(refused).rejects.toBeInstanceOf(RedisAway);
      }
      expect(await admin.run((client) => client.dbsize())).toBe(0);
    } finally {
      await Promise.all([close(), admin.close()]);
      await server.remove();
    }
  });
});
