import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseTime } from "../canonical/time.ts";
import { type BackfillCounts, openOutput } from "./output.ts";

const directory = mkdtempSync(join(tmpdir(), "stellarindex-output-"));
afterAll(() => rmSync(directory, { recursive: true }));

const HEADER = "head\n";
const FIRST = parseTime("2026-03-01T10:00:00Z");
const SECOND = parseTime("2026-03-01T10:01:00Z");
const counts = (values: number): BackfillCounts => ({ values, empty: 1, expired: 0, firstExpired: null });

let files = 0;
function freshPath(): string {
  files++;
  return join(directory, `out${files}.csv`);
}

const textOf = (path: string): string => readFileSync(path, "utf8");
const open = (path: string, question = "q") => openOutput(path, question, HEADER);

/** A file of which the first part is written, as a killed process leaves it. */
async function begun(path = freshPath()): Promise<string> {
  const output = await open(path);
  await output.append(["é1\n"], FIRST, counts(1));
  await output.close(false);
  return path;
}

describe("the output of a backfill", () => {
  it("is a new file, with a progress file beside it until it is complete", async () => {
    const path = freshPath();
    const output = await open(path);
    expect(output).toMatchObject({ done: null, counts: { values: 0, empty: 0, expired: 0, firstExpired: null } });
    await output.append(["1\n"], FIRST, counts(1));
    await output.append([], SECOND, counts(1));
    expect(existsSync(`${path}.progress`)).toBe(true);
    await output.close(true);
    expect(textOf(path)).toBe("head\n1\n");
    expect(existsSync(`${path}.progress`)).toBe(false);
  });

  it("resumes where an earlier run stopped, including its counts", async () => {
    const path = await begun();
    const output = await open(path);
    expect(output).toMatchObject({ done: FIRST, counts: counts(1) });
    await output.append(["2\n"], SECOND, counts(2));
    await output.close(true);
    expect(textOf(path)).toBe("head\né1\n2\n");
  });

  it("accepts many lines of any length", async () => {
    const path = freshPath();
    const lines = Array.from({ length: 2500 }, (_, line) => `${"é".repeat(line % 7)}${line}\n`);
    const output = await open(path);
    await output.append(lines, FIRST, counts(1));
    await output.append(lines, SECOND, counts(2));
    await output.close(true);
    expect(textOf(path)).toBe([HEADER, ...lines, ...lines].join(""));
  });

  it("removes lines that were written after the progress was saved", async () => {
    const path = await begun();
    appendFileSync(path, "2\nhalf a li");
    const output = await open(path);
    await output.append(["2\n"], SECOND, counts(2));
    await output.close(true);
    expect(textOf(path)).toBe("head\né1\n2\n");
  });

  it.each([
    ["before the file was created", (path: string) => rmSync(path)],
    ["before the header was recorded", (path: string) => writeFileSync(path, "hea")],
  ])("restarts if the run was killed %s", async (_when, harm) => {
    const path = freshPath();
    await (await open(path)).close(false);
    const progress = JSON.parse(textOf(`${path}.progress`));
    writeFileSync(`${path}.progress`, JSON.stringify({ ...progress, bytes: 0 }));
    harm(path);
    const output = await open(path);
    await output.append(["1\n"], FIRST, counts(1));
    await output.close(true);
    expect(textOf(path)).toBe("head\n1\n");
  });

  it("refuses to change a file that is complete or has a different origin", async () => {
    const path = freshPath();
    writeFileSync(path, "mine");
    await expect(open(path)).rejects.toThrow(`${path} exists already; remove it, or name another file`);
    expect(textOf(path)).toBe("mine");
    expect(existsSync(`${path}.progress`)).toBe(false);
  });

  it("refuses to change a file that was started with different options", async () => {
    const path = await begun();
    await expect(open(path, "another")).rejects.toThrow(
      `${path} was started with other options or settings; repeat those, or remove it and ${path}.progress`,
    );
    expect(textOf(path)).toBe("head\né1\n");
  });

  it.each([
    ["cut", (path: string) => truncateSync(path, 6)],
    ["gone", (path: string) => rmSync(path)],
  ])("refuses to resume a file that is %s, instead of extending it", async (_how, harm) => {
    const path = await begun();
    harm(path);
    await expect(open(path)).rejects.toThrow(`${path} has been truncated`);
  });

  it.each(["", "{", "[]", '{"question":"q"}', "null"])("refuses a progress file with the content %j", async (text) => {
    const path = await begun();
    writeFileSync(`${path}.progress`, text);
    await expect(open(path)).rejects.toThrow(`${path}.progress is not a progress file of backfill; remove it`);
  });

  it("names the path if it cannot write", async () => {
    const path = join(directory, "no-such-folder", "out.csv");
    await expect(open(path)).rejects.toThrow(`${path} cannot be written: ENOENT`);
  });
});
