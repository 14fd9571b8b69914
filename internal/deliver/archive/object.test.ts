import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ArchivableEvent, DueEvent } from "../../storage/events/archivable.ts";
import { newEvent } from "../../storage/events/events.testing.ts";
import { nextBatch } from "./archive-due.ts";
import { decodeBodies, encodeObject } from "./object.ts";

const archivable = (given: Partial<ArchivableEvent>): ArchivableEvent => ({
  ...{ ...newEvent(), sequence: 1n, recordedAt: 1_790_000_000_500_000n, deliveries: [] },
  ...given,
});

it("an object has a line for each event, in their order, with what became of it", async () => {
  const deliveries = [{ destination: "board", state: "dead", attempts: 3, endedAt: 1_790_000_100_000_000n }];
  const second = archivable({ sequence: 12n, pair: "crypto:XLM/fiat:USD", body: '{ "price": 1.50 }', deliveries });
  const bytes = await encodeObject([second, archivable({ sequence: 9n, sender: "shop" })]);
  expect(gunzipSync(bytes).toString()).toBe(
    [
      '{"sequence":"9","sender":"shop","id":"1","type":"event.posted","pair":null,"received_at":"2026-09-21T14:13:20Z","recorded_at":"2026-09-21T14:13:20.5Z","traceparent":null,"body":"{\\"id\\":\\"1\\"}","deliveries":[]}\n',
      '{"sequence":"12","sender":"","id":"1","type":"event.posted","pair":"crypto:XLM/fiat:USD","received_at":"2026-09-21T14:13:20Z","recorded_at":"2026-09-21T14:13:20.5Z","traceparent":null,"body":"{ \\"price\\": 1.50 }","deliveries":[{"destination":"board","state":"dead","attempts":3,"ended_at":"2026-09-21T14:15:00Z"}]}\n',
    ].join(""),
  );
  // Neither the time of writing (bytes 4 to 7) nor the system is in the header.
  expect([...bytes.subarray(4, 8), bytes[9]]).toEqual([0, 0, 0, 0, 255]);
});

it("the same events give the same bytes, in whatever order, and read back to the same texts", async () => {
  const bodies = fc.uniqueArray(
    fc.tuple(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), fc.string({ unit: "grapheme" })),
    {
      selector: ([sequence]) => sequence,
      maxLength: 20,
    },
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (given) => {
      const events = given.map(([sequence, body]) => archivable({ sequence, body }));
      const bytes = await encodeObject(events);
      expect(Buffer.from(await encodeObject(events.reverse())).equals(bytes)).toBe(true);
      expect(await decodeBodies(bytes)).toEqual(new Map([...given].sort(([a], [b]) => (a < b ? -1 : 1))));
    }),
  );
});

it("a batch has the events whose deliveries have ended, up to a size, and at least one", () => {
  const due = (sequence: bigint, bytes: number, hasEnded = true): DueEvent => ({
    ...{ sequence, bytes, hasEnded, recordedAt: sequence },
  });
  const events = [due(1n, 900), due(2n, 40), due(3n, 900, false), due(4n, 60), due(5n, 1)];
  expect(nextBatch(events, 1000)).toEqual({ batch: [1n, 2n, 4n], last: events[3] });
  expect(nextBatch(events, 10)).toEqual({ batch: [1n], last: events[0] });
  expect(nextBatch(events.slice(2, 3), 10)).toEqual({ batch: [], last: events[2] });
  expect(nextBatch([], 10)).toEqual({ batch: [], last: null });
});
