import fc from "fast-check";
import { expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { Problem } from "../../http/problem.ts";
import { digestOf } from "../../storage/events/event.ts";
import { eventRecord, readEventRecord } from "../records.ts";
import { readEvent } from "./read-event.ts";

const read = (text: string) => readEvent(Buffer.from(text));

it("keeps any object with an id by its text, through the journal, too; its notation does not change its digest", () => {
  const data = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(
      data,
      fc.string({ minLength: 1, maxLength: 256 }),
      fc.integer({ min: 0, max: 4 }),
      (more, id, indent) => {
        fc.pre(!/[\0\p{Cs}]/u.test(id));
        const text = JSON.stringify({ pair: null, ...more, type: "a", id }, null, indent);
        const event = { ...read(text), sender: "s", traceparent: null, receivedAt: 1n };
        expect(event).toMatchObject({ id, type: "a", body: text });
        expect(readEventRecord(eventRecord(event).payload)).toEqual(event);
        expect(digestOf(event)).toEqual(digestOf({ body: JSON.stringify(JSON.parse(text)) }));
      },
    ),
    { numRuns: runsOf(400) },
  );
});

it("reads any bytes, or refuses them with a problem", () => {
  const texts = fc.oneof(
    fc.json(),
    fc.string(),
    fc.dictionary(fc.constantFrom("id", "type", "pair"), fc.jsonValue()).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.oneof(texts.map(Buffer.from), fc.uint8Array()), (bytes) => {
      try {
        const { id, type } = readEvent(bytes);
        expect([...id].length).toBeGreaterThan(0);
        expect(type).toMatch(/^[a-z]/);
      } catch (error) {
        expect(error).toBeInstanceOf(Problem);
      }
    }),
    { numRuns: runsOf(1000) },
  );
});

it.each([
  ["17", "17"],
  ["-0", "0"],
  ["1e3", "1000"],
  ["9007199254740991", "9007199254740991"],
  [`"${"é".repeat(256)}"`, "é".repeat(256)],
  [`"${"😀".repeat(256)}"`, "😀".repeat(256)],
])("reads the id %s", (given, id) => {
  expect(read(`{"id":${given}}`)).toMatchObject({ id, type: "event.posted", pair: null });
});

it("drops a byte order mark, which is none of the text", () => {
  expect(readEvent(Buffer.from('\ufeff{"id":"1"}')).body).toBe('{"id":"1"}');
});
