import { describe, expect, it } from "vitest";
import { parseRedisUrl } from "./url.ts";

describe("the URL of sentinels", () => {
  it("contains the sentinels, the primary and its database, and the passwords of both", () => {
    const url = "redis+sentinel://me:p%40w@one:26380,two,[::1]:3/my%20primary/2?sentinel_password=s+w%26";
    const { shown, sentinels } = parseRedisUrl(url);
    expect(shown).toBe("my primary of the sentinels one:26380,two,[::1]:3");
    expect(sentinels).toEqual({
      sentinels: [
        { host: "one", port: 26380 },
        { host: "two", port: 26379 },
        { host: "::1", port: 3 },
      ],
      name: "my primary",
      db: 2,
      username: "me",
      password: "p@w",
      sentinelPassword: "s+w&",
    });
  });

  it("needs only a host and the primary's name", () => {
    const { sentinels } = parseRedisUrl("redis+sentinel://one/prices");
    expect(sentinels).toMatchObject({ sentinels: [{ host: "one", port: 26379 }], name: "prices", db: 0 });
    expect(sentinels).not.toHaveProperty("tls");
  });

  it("with rediss, uses TLS for the sentinels and the servers", () => {
    expect(parseRedisUrl("rediss+sentinel://one/prices").sentinels).toMatchObject({
      tls: {},
      sentinelTLS: {},
      enableTLSForSentinelMode: true,
    });
  });

  it("hides its passwords, both decoded and URL-encoded", () => {
    const { redact } = parseRedisUrl("redis+sentinel://:p%40w@one/prices?sentinel_password=s%40w");
    expect(redact("AUTH p@w, p%40w, s@w, s%40w")).toBe("AUTH ***, ***, ***, ***");
  });

  it.each([
    ["redis+sentinel://", "names no host"],
    ["redis+sentinel://one,/prices", "names no host"],
    ["redis+sentinel://one:x/prices", "cannot be read"],
    ["redis+sentinel://one:secret@two:99999/prices", "cannot be read"],
    ["redis+sentinel://one,two", "names no primary"],
    ["redis+sentinel://one/", "names no primary"],
    ["redis+sentinel://one/prices/db", "a database that is not a number"],
    ["redis+sentinel://one/prices/0/1", "names no primary"],
    ["redis+sentinel://:secret%zz@one/prices", "cannot be read"],
    ["redis+sentinel://one/%zz", "cannot be read"],
    ["redis+sentinel://one/prices?password=secret", "a parameter other than sentinel_password"],
    ["REDIS+sentinel://:secret@one/prices", "has another scheme"],
    ["redis+sentinels://:secret@one/prices", "has another scheme"],
  ])("%s is refused: it %s", (url, why) => {
    const parse = () => parseRedisUrl(url);
    expect(parse).toThrow(why);
    expect(parse).toThrow("redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],…/PRIMARY[/DATABASE]");
    expect(parse).toThrow(
      expect.objectContaining({ name: "InputError", message: expect.not.stringContaining("secret") }),
    );
  });
});

describe("the URL of one server", () => {
  it.each([
    "redis://h",
    "rediss://u:p@h:1/2",
    "redis://:p@[::1]:6379/0",
    "redis://h?password=p",
    "redis://h?username=u&password=p&db=3&family=6",
  ])("%s is accepted", (url) => expect(parseRedisUrl(url).sentinels).toBe(null));

  it.each([
    ["redis://hunter2@h", "names a user without a password; expected redis://:PASSWORD@HOST where it is the password"],
    ["redis://hunter2:@h", "names a user without a password"],
    ["redis://h?username=hunter2", "names a user without a password"],
    ["redis+sentinel://hunter2@h/prices", "names a user without a password"],
    ["redis://h?token=hunter2", "has a parameter other than username, password, db, family"],
    ["redis://u:p@h?hunter2", "has a parameter other than username, password, db, family"],
    ["redis://:p@h?enableOfflineQueue=true", "has a parameter other than username, password, db, family"],
    ["redis://u:12?hunter2@h", "has something special that is not written as %XX"],
    ["redis://u:12#hunter2@h", "has something special that is not written as %XX"],
    ["redis://u:12/hunter2@h", "has something special that is not written as %XX"],
    ["redis://:hunter2/x@h", "cannot be read"],
  ])("%s is refused and not shown", (url, why) => {
    expect(() => parseRedisUrl(url)).toThrow(why);
    expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
  });
});
