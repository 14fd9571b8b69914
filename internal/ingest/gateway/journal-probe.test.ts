import { expect, it } from "vitest";
import { simulatedDisk } from "../journal/disk.testing.ts";
import { openJournal } from "../journal/journal.ts";
import { probeJournal } from "./journal-probe.ts";

it("ends the trouble of a journal once its disk has space, though no trade needs it", async () => {
  const faults: { step: number; kind: "full"; share: number }[] = [];
  const disk = simulatedDisk(faults);
  const journal = await openJournal(disk.directory, { maxBytes: 10_000, segmentBytes: 1_000 }, () => 0n);
  // Creating the segment fails, and so does the first attempt to end the trouble.
  for (const step of [disk.steps(), disk.steps() + 1]) faults.push({ step, kind: "full", share: 0 });
  await probeJournal(journal);
  expect(journal.state()).toMatchObject({ depth: 0, trouble: null });
  await expect(journal.append([{ kind: 1, payload: Buffer.from("a") }])).rejects.toThrow("disk of the journal is full");
  await probeJournal(journal);
  expect(journal.state()).toMatchObject({ depth: 0, trouble: expect.any(Error) });
  await probeJournal(journal);
  expect(journal.state()).toMatchObject({ depth: 1, trouble: null });
  await journal.close();
});
