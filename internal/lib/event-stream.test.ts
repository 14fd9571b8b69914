import fc from "fast-check";
import { expect, it } from "vitest";
import { readEventStream, type StreamEvent } from "./event-stream.ts";

const TEXT = ': hello\n\nid: 4\n\nid: 5\nevent: a\ndata: {"x":"ä: y"}\n\ndata:z\n\nevent: never\ndata: unfinished';

it("reads events however the bytes are cut", async () => {
  const bytes = new TextEncoder().encode(TEXT);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length), { maxLength: 8 }), async (given) => {
      const cuts = [0, ...given.sort((a, b) => a - b), bytes.length];
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (const [index, cut] of cuts.entries()) controller.enqueue(bytes.slice(cut, cuts[index + 1]));
          controller.close();
        },
      });
      const events: StreamEvent[] = [];
      for await (const event of readEventStream(stream)) events.push(event);
      expect(events).toEqual([
        { event: "a", data: '{"x":"ä: y"}', id: "5" },
        { event: "message", data: "z", id: "5" },
      ]);
    }),
    { numRuns: 50 },
  );
});
