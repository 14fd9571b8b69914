import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_LINE_LENGTH, readLines } from "./lines.ts";

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
  test("finds the same lines for any split into chunks", async () => {
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

  test("accepts a last line without a line end, and removes the byte order mark", async () => {
    expect(await linesOf(cut("\uFEFFa\n\nb", 2))).toEqual(["a", "", "b"]);
  });

  test("truncates very long lines", async () => {
    const lines = await linesOf(cut(`${"x".repeat(MAX_LINE_LENGTH * 3)}\nshort\n`, 10_000));
    expect(lines.map((line) => line.length)).toEqual([MAX_LINE_LENGTH + 1, 5]);
  });

  test("drops a partial line if the file is truncated", async () => {
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
