import fc from "fast-check";
import { expect, it } from "vitest";
import { followMessages } from "./wire-messages.ts";

const message = fc.record({ type: fc.constantFrom("Z", "D", "C", "S"), body: fc.uint8Array({ maxLength: 40 }) });

it("finds the type of every message for any split into chunks", () => {
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat(400)), (messages, cuts) => {
      const bytes = Buffer.concat(
        messages.map(({ type, body }) => {
          const header = Buffer.from(`${type}....`);
          header.writeUInt32BE(4 + body.length, 1);
          return Buffer.concat([header, body]);
        }),
      );
      const types: string[] = [];
      const follow = followMessages((type) => types.push(type));
      const places = [0, ...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
      for (const [index, place] of places.entries()) follow(bytes.subarray(place, places[index + 1] ?? bytes.length));
      expect(types).toEqual(messages.map(({ type }) => type));
    }),
  );
});
