import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LONGEST_LINE, readLines } from "./lines.ts";

async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function linesOf(chunks: AsyncIterable<Buffer>): Promise<string[]> {
  const texts: string[] = [];
  for await (const lines of readLines(chunks)) {
    for (const { number, text } of lines) expect(texts.push(text)).toBe(number);
  }
  return texts;
}

describe("readLines", () => {
  test("finds the same lines wherever the chunks are cut", async () => {
    const text = fc.array(fc.string({ unit: fc.constantFrom("a", "é", "😀", ",") }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom("\n", "\r\n"),
        fc.integer({ min: 1, max: 9 }),
        async (lines, end, size) => {
          expect(await linesOf(cut(`${lines.join(end)}${end}`, size))).toEqual(lines);
        },
      ),
    );
  });

  test("takes a last line without an end, and no byte order mark", async () => {
    expect(await linesOf(cut("\uFEFFa\n\nb", 2))).toEqual(["a", "", "b"]);
  });

  test("cuts lines that would fill the memory", async () => {
    const lines = await linesOf(cut(`${"x".repeat(LONGEST_LINE * 3)}\nshort\n`, 10_000));
    expect(lines.map((line) => line.length)).toEqual([LONGEST_LINE + 1, 5]);
  });

  test("keeps half a line back where the file breaks off", async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from("one\ntwo\nthr");
      throw new Error("broken");
    }
    const seen: string[] = [];
    const reading = (async () => {
      for await (const lines of readLines(broken())) seen.push(...lines.map((line) => line.text));
    })();
    await expect(reading).rejects.toThrow("broken");
    expect(seen).toEqual(["one", "two"]);
  });
});
