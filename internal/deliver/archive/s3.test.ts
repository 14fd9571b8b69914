import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createProxy, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { getChecked, nameOf } from "./archive.ts";
import { type AwsCredentials, awsCredentials } from "./aws-credentials.ts";
import { IMPATIENT, S3_KEYS, startS3, type TestS3 } from "./s3.testing.ts";
import { s3Archive } from "./s3.ts";

const { signal } = new AbortController();
const BYTES = Buffer.alloc(1_000_000, "some bytes ");
const NAME = nameOf(BYTES);

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.stop());

const open: { close: () => unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});
async function portOf(server: Server | ReturnType<typeof createProxy>): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
const serve = (answer: RequestListener): Promise<number> => portOf(createServer(answer));

/** A way to the server whose first connections break after so many bytes of a request. */
function breaking(connections: number, bytes: number): Promise<number> {
  let made = 0;
  return portOf(
    createProxy((client: Socket) => {
      const isBroken = made++ < connections;
      const server = connect(s3.port, "127.0.0.1");
      let passed = 0;
      client.on("data", (chunk) => {
        passed += chunk.length;
        if (!isBroken || passed <= bytes) server.write(chunk);
        else for (const socket of [client, server]) socket.destroy();
      });
      server.pipe(client);
      for (const socket of [client, server]) {
        socket.on("error", () => {});
        socket.on("close", () => [client, server].map((each) => each.destroy()));
      }
    }),
  );
}
const archiveAt = (given: Partial<TestS3["place"]>, keys: Partial<AwsCredentials> = {}) =>
  s3Archive({ ...s3.place, ...given }, async () => ({ ...S3_KEYS, ...keys }), IMPATIENT);
const at = (port: number) => ({ endpoint: `http://127.0.0.1:${port}/` });

it("a write that breaks off is made again", async () => {
  await archiveAt({ ...at(await breaking(2, 300_000)), prefix: "old" }).put(NAME, BYTES, signal);
  expect(nameOf(await s3.archive.get(NAME, signal))).toBe(NAME);
});

it("a write that breaks off each time says why, and what it leaves on the server is taken for no object", async () => {
  const bytes = Buffer.alloc(1_000_000, "other bytes ");
  const archive = archiveAt(at(await breaking(Number.POSITIVE_INFINITY, 300_000)));
  await expect(archive.put(nameOf(bytes), bytes, signal)).rejects.toThrow(
    /^cannot write \w+ to s3:\/\/events\/old: the connection failed \(\w+\); see that deliver\.archive_endpoint is reached/,
  );
  const read = () => getChecked(s3.archive, nameOf(bytes), signal);
  await expect(read()).rejects.toThrow(/is damaged|NoSuchKey/);
  await s3.archive.put(nameOf(bytes), bytes, signal);
  expect(nameOf(await read())).toBe(nameOf(bytes));
});

it.each([
  ["a key that is unknown", {}, { accessKeyId: "hunter2" }, "403 InvalidAccessKeyId; correct AWS_ACCESS_KEY_ID"],
  ["a wrong key", {}, { secretAccessKey: "hunter2" }, "403 SignatureDoesNotMatch; correct AWS_ACCESS_KEY_ID"],
  ["no such bucket", { bucket: "other" }, {}, "404 NoSuchBucket; create the bucket, or correct deliver.archive"],
])("%s is told with its cure, without a key, and not tried again", async (_case, place, keys, message) => {
  const error = (await archiveAt(place, keys)
    .put(NAME, BYTES, signal)
    .catch((caught: unknown) => caught)) as Error;
  expect(error.message).toContain(message);
  expect(error.message).not.toContain("hunter2");
});

it("an answer that asks to come back later is followed, and a redirect is not", async () => {
  let asked = 0;
  const busy = await serve((_request, response) => {
    asked++;
    response.writeHead(503).end("<Error><Code>SlowDown</Code><RequestId>1</RequestId></Error>");
  });
  await expect(archiveAt(at(busy)).put(NAME, BYTES, signal)).rejects.toThrow(
    "answered 503 SlowDown; it is tried again",
  );
  expect(asked).toBe(1 + IMPATIENT.retries);
  const moved = await serve((_request, response) =>
    response.writeHead(307, { location: `http://127.0.0.1:${s3.port}/events/${NAME}` }).end(),
  );
  await expect(archiveAt(at(moved)).put(NAME, BYTES, signal)).rejects.toThrow(
    "answered 307; set deliver.archive_region to that of the bucket, and deliver.archive_endpoint",
  );
});

it("a server that has kept other bytes is not believed", async () => {
  const port = await serve((request, response) => {
    request.resume().on("end", () => response.writeHead(200, { "x-amz-checksum-sha256": "AAAA" }).end());
  });
  await expect(archiveAt(at(port)).put(NAME, BYTES, signal)).rejects.toThrow("the server has kept other bytes");
});

it("requests carry the session token, and end when the daemon stops", async () => {
  const stop = new AbortController();
  const tokens: unknown[] = [];
  const port = await serve(({ headers }) => {
    tokens.push(headers["x-amz-security-token"]);
    stop.abort(new Error("stopped"));
  });
  await expect(archiveAt(at(port), { sessionToken: "session" }).get(NAME, stop.signal)).rejects.toThrow("stopped");
  expect(tokens).toEqual(["session"]);
});

it("keys of the environment come first, and without any the cure is named", async () => {
  const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "key", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2" };
  expect(await awsCredentials(keys)()).toEqual({ accessKeyId: "id", secretAccessKey: "key", sessionToken: null });
  expect(() => awsCredentials({})).toThrow("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the task a role");
});

it("a task's credentials are kept until five minutes before they expire, and until then if new ones cannot be had", async () => {
  let [now, isDown, lent] = [Date.parse("2026-08-09T22:00:00Z"), false, 0];
  const paths: unknown[] = [];
  const port = await serve(({ url }, response) => {
    paths.push(url);
    if (isDown) return response.writeHead(500).end();
    lent++;
    const given = { AccessKeyId: `id${lent}`, SecretAccessKey: "key", Token: "token" };
    return response.end(JSON.stringify({ ...given, Expiration: new Date(now + 3_600_000).toISOString() }));
  });
  const env = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1" };
  const credentials = awsCredentials(env, () => now, `http://127.0.0.1:${port}`);
  const idAfter = async (minutes: number) => {
    now += minutes * 60_000;
    return (await credentials()).accessKeyId;
  };
  expect([await idAfter(0), await idAfter(54)]).toEqual(["id1", "id1"]);
  expect(await idAfter(2)).toBe("id2");
  isDown = true;
  expect(await idAfter(58)).toBe("id2");
  await expect(idAfter(10)).rejects.toThrow("answered with status 500; see that the task has a role");
  expect(new Set(paths)).toEqual(new Set(["/v2/credentials/1"]));
});
