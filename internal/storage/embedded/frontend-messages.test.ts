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

/** An SSLRequest: a length and a code, without a type. */
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

  it("are read whole and in order for any split into chunks", () => {
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

  it("are read from single bytes too", () => {
    const all = [SSL_REQUEST, startupMessage(), message("Q", Buffer.from("SELECT 1\0")), message("S")];
    const bytes = Array.from(Buffer.concat(all), (byte) => Buffer.from([byte]));
    expect(read(bytes).messages).toEqual(
      ["startup", "startup", "Q", "S"].map((type, index) => [type, all[index]?.toString("hex")]),
    );
  });

  it("that are incomplete are kept until the rest arrives", () => {
    const query = message("Q", Buffer.from("SELECT 1\0"));
    expect(read([startupMessage(), query.subarray(0, -1)]).messages).toHaveLength(1);
  });

  it.each([
    ["a startup message shorter than its header", [Buffer.from([0, 0, 0, 7, 0, 0, 0, 0])], 0],
    ["a negative length at the start", [Buffer.from([255, 255, 255, 255, 0, 3, 0, 0])], 0],
    ["another protocol", [Buffer.from("GET / HTTP/1.1\r\n\r\n")], 0],
    ["a length below its own size", [startupMessage(), Buffer.from([0x51, 0, 0, 0, 3])], 1],
    ["a negative length", [startupMessage(), Buffer.from([0x51, 255, 255, 255, 250])], 1],
    ["a message beyond a gigabyte", [startupMessage(), Buffer.from([0x51, 0x40, 0, 0, 0])], 1],
  ])("stop at %s, and nothing after it is read", (_, chunks, before) => {
    const { messages, broken } = read([...chunks, message("S"), message("S")]);
    expect(messages).toHaveLength(before);
    expect(broken).toBe(1);
  });

  it("that are large are read in linear time", () => {
    // If each chunk were joined to the previous ones, these 64 MB would be copied two thousand times.
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

it("formats an error response of the protocol", () => {
  const bytes = fatalResponse("53300", "too many clients already");
  expect(bytes.readInt32BE(1)).toBe(bytes.length - 1);
  expect(bytes.toString("latin1", 5)).toBe("SFATAL\0VFATAL\0C53300\0Mtoo many clients already\0\0");
});
