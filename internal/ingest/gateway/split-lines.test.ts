import fc from "fast-check";
import { expect, it } from "vitest";
import { splitLines } from "./split-lines.ts";

const MAX_BYTES = 12;

async function linesOf(chunks: readonly Uint8Array[]): Promise<(string | null)[]> {
  const lines: (string | null)[] = [];
  for await (const some of splitLines(each(chunks), MAX_BYTES)) lines.push(...some);
  return lines;
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

it("finds the same lines wherever a body is cut, and replaces long ones by null", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\r", "\n", "\n", "ü", "€", "😀"), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(120), { maxLength: 8 }), async (body, cuts) => {
      const bytes = Buffer.from(body);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      const lines = body.split("\n");
      if (lines.at(-1) === "") lines.pop();
      expect(await linesOf(chunks)).toEqual(lines.map((line) => (Buffer.byteLength(line) > MAX_BYTES ? null : line)));
    }),
  );
});
