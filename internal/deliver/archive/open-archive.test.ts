import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { load } from "../../config/config.testing.ts";
import { contentPath } from "../../lib/content-directory.ts";
import { getChecked, nameOf } from "./archive.ts";
import { openArchive } from "./open-archive.ts";
import { S3_KEYS, startS3 } from "./s3.testing.ts";

const { signal } = new AbortController();
const BYTES = Buffer.from("bytes");
const NAME = nameOf(BYTES);
const open = (section: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) => {
  const lines = Object.entries(section).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return openArchive(load(["[deliver]", ...lines].join("\n")).config.deliver, env);
};

it("an archive is in the directory or the bucket that is configured", async () => {
  expect(open({})).toBeNull();
  const scratch = mkdtempSync(join(tmpdir(), "stellarindex-open-"));
  const s3 = await startS3();
  try {
    await open({ archive: join(scratch, "a") })?.put(NAME, BYTES, signal);
    expect(readFileSync(contentPath(join(scratch, "a"), NAME))).toEqual(BYTES);
    const { endpoint, region } = s3.place;
    const section = { archive: "s3://events/old", archive_endpoint: endpoint, archive_region: region };
    const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = S3_KEYS;
    await open(section, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY })?.put(NAME, BYTES, signal);
    expect(Buffer.from(await getChecked(s3.archive, NAME, signal))).toEqual(BYTES);
    expect(() => open(section)).toThrow("there are no credentials: set AWS_ACCESS_KEY_ID");
  } finally {
    await s3.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
});
