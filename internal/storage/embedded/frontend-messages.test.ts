import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type FrontendMessage,
  fatalResponse,
  message,
  messageReader,
  parsedName,
  startupMessage,
} from "./frontend-messages.ts";

/** An SSLRequest: a length and a code, no type. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

function read(chunks: readonly Buffer[]) {
  const messages: FrontendMessage[] = [];
  let broken = 0;
  const reader = messageReader(
    (received) => messages.push(received),
    () => broken++,
  );
  for (const chunk of chunks) reader(chunk);
  return { messages: messages.map(({ type, bytes }) => [type, bytes.toString("hex")]), broken };
}

function split(bytes: Buffer, points: readonly number[]): Buffer[] {
  const cuts = [...new Set(points.map((point) => point % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
}

describe("messages", () => {
  const typed = fc
    .tuple(fc.constantFrom("Q", "P", "B", "D", "E", "S", "H", "C", "X"), fc.uint8Array({ maxLength: 300 }))
    .map(([type, body]) => [type, message(type, Buffer.from(body))] as const);

  it("split at any bytes come out whole, in their order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constant(SSL_REQUEST), { maxLength: 2 }),
        fc.array(typed, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (requests, messages, points) => {
          const all = [
            ...requests.map((bytes) => ["startup", bytes] as const),
            ["startup", startupMessage()] as const,
            ...messages,
          ];
          const stream = Buffer.concat(all.map(([, bytes]) => bytes));
          expect(read(split(stream, points))).toEqual({
            messages: all.map(([type, bytes]) => [type, bytes.toString("hex")]),
            broken: 0,
          });
        },
      ),
    );
  });

  it("come out byte by byte too", () => {
    const all = [SSL_REQUEST, startupMessage(), message("Q", Buffer.from("SELECT 1\0")), message("S")];
    const bytes = Array.from(Buffer.concat(all), (byte) => Buffer.from([byte]));
    expect(read(bytes).messages).toEqual(
      ["startup", "startup", "Q", "S"].map((type, index) => [type, all[index]?.toString("hex")]),
    );
  });

  it("that are not complete wait", () => {
    const query = message("Q", Buffer.from("SELECT 1\0"));
    expect(read([startupMessage(), query.subarray(0, -1)]).messages).toHaveLength(1);
  });

  it.each([
    ["a startup shorter than its head", [Buffer.from([0, 0, 0, 7, 0, 0, 0, 0])], 0],
    ["a negative length at the start", [Buffer.from([255, 255, 255, 255, 0, 3, 0, 0])], 0],
    ["another protocol", [Buffer.from("GET / HTTP/1.1\r\n\r\n")], 0],
    ["a length that does not hold itself", [startupMessage(), Buffer.from([0x51, 0, 0, 0, 3])], 1],
    ["a negative length", [startupMessage(), Buffer.from([0x51, 255, 255, 255, 250])], 1],
    ["a message beyond a gigabyte", [startupMessage(), Buffer.from([0x51, 0x40, 0, 0, 0])], 1],
  ])("end at %s, and nothing after it is read", (_, chunks, before) => {
    const { messages, broken } = read([...chunks, message("S"), message("S")]);
    expect(messages).toHaveLength(before);
    expect(broken).toBe(1);
  });

  it("that are large cost no more than their size", () => {
    // Joined anew at each chunk, these 64 MB would be copied two thousand times over.
    const body = Buffer.alloc(64 << 20, 1);
    const stream = Buffer.concat([startupMessage(), message("B", body)]);
    const chunks = Array.from({ length: Math.ceil(stream.length / 32_768) }, (_, index) =>
      stream.subarray(index * 32_768, (index + 1) * 32_768),
    );
    const received: FrontendMessage[] = [];
    const reader = messageReader(
      (one) => received.push(one),
      () => {},
    );
    for (const chunk of chunks) reader(chunk);
    expect(received.map(({ bytes }) => bytes.length)).toEqual([startupMessage().length, body.length + 5]);
    expect(received[1]?.bytes.subarray(5).equals(body)).toBe(true);
  });
});

it("reads the name of a prepared statement", () => {
  expect(parsedName(message("P", Buffer.from("s1\0SELECT 1\0\0\0")))).toBe("s1");
  expect(parsedName(message("P", Buffer.from("\0SELECT 1\0\0\0")))).toBe("");
});

it("writes an error as the protocol has it", () => {
  const bytes = fatalResponse("53300", "too many clients already");
  expect(bytes.readInt32BE(1)).toBe(bytes.length - 1);
  expect(bytes.toString("latin1", 5)).toBe("SFATAL\0VFATAL\0C53300\0Mtoo many clients already\0\0");
});
