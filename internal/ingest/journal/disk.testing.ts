import type { JournalDirectory, JournalFile } from "./files.ts";

/** An effect on a simulated disk that is not synced. */
interface Pending {
  readonly apply: (content: Buffer) => Buffer;
}

interface SimulatedFile {
  synced: Buffer;
  pending: Pending[];
}

/** What goes wrong at a step; a step is one call that changes the disk. */
export interface Fault {
  /** From 0. */
  readonly step: number;
  /** `crash`: this step and all later ones fail. `full`, `failed`: this step fails once. */
  readonly kind: "crash" | "full" | "failed";
  /** The share of the step's bytes that are written all the same, from 0 to 1. */
  readonly share: number;
}

/** A disk in memory that forgets what was not synced, as a machine does that loses its power. */
export interface SimulatedDisk {
  readonly directory: JournalDirectory;
  /** How many calls have changed the disk so far. */
  readonly steps: () => number;
  /** Returns the disk as the next process finds it after the process was killed: nothing is forgotten. */
  readonly afterKill: () => SimulatedDisk;
  /** Returns the disk after a loss of power; `survives` decides about each effect that was not synced. */
  readonly afterPowerLoss: (survives: () => boolean) => SimulatedDisk;
  readonly content: (name: string) => Buffer;
  readonly names: () => string[];
  readonly replace: (name: string, content: Buffer) => void;
}

export function simulatedDisk(
  faults: readonly Fault[] = [],
  start: ReadonlyMap<string, Buffer> = new Map(),
): SimulatedDisk {
  const files = new Map([...start].map(([name, synced]): [string, SimulatedFile] => [name, { synced, pending: [] }]));
  let syncedNames = new Map(files);
  let step = 0;
  let hasCrashed = false;

  /** @returns the share of the step that is done before it fails; null where it does not fail */
  function begin(): { readonly share: number; readonly error: Error } | null {
    const fault = faults.find((each) => each.step === step);
    step++;
    if (fault?.kind === "crash") hasCrashed = true;
    else if (hasCrashed) return { share: 0, error: new Error("the machine is off") };
    if (fault === undefined) return null;
    const code = { crash: "EIO", full: "ENOSPC", failed: "EIO" }[fault.kind];
    return { share: fault.share, error: Object.assign(new Error(`simulated ${fault.kind}`), { code }) };
  }

  async function change(effect: (share: number) => void): Promise<void> {
    await Promise.resolve();
    const failure = begin();
    effect(failure?.share ?? 1);
    if (failure !== null) throw failure.error;
  }

  const current = ({ synced, pending }: SimulatedFile): Buffer =>
    pending.reduce((content, { apply }) => apply(content), synced);

  function open(file: SimulatedFile): JournalFile {
    return {
      write: (bytes, at) =>
        change((share) => {
          const part = Buffer.from(bytes.subarray(0, Math.floor(bytes.length * share)));
          // Pages are written back one by one.
          for (let start = 0; start < part.length; start += 64) {
            const page = part.subarray(start, start + 64);
            file.pending.push({ apply: (content) => written(content, page, at + start) });
          }
        }),
      sync: () =>
        change((share) => {
          if (share < 1) return;
          file.synced = current(file);
          file.pending = [];
        }),
      truncate: (size) =>
        change((share) => {
          if (share === 1)
            file.pending.push({ apply: (content) => written(content.subarray(0, size), Buffer.alloc(0), size) });
        }),
      read: async (at, length) => Buffer.from(current(file).subarray(at, at + length)),
      size: async () => current(file).length,
      isRemoved: async () => ![...files.values()].includes(file),
      close: async () => {},
    };
  }

  const get = (name: string): SimulatedFile => {
    const file = files.get(name);
    if (file === undefined) throw Object.assign(new Error(`${name} does not exist`), { code: "ENOENT" });
    return file;
  };
  const contents = (names: ReadonlyMap<string, SimulatedFile>, of: (file: SimulatedFile) => Buffer) =>
    new Map([...names].map(([name, file]) => [name, of(file)]));

  return {
    directory: {
      list: async () => [...files.keys()],
      open: async (name) => open(get(name)),
      create: async (name) => {
        const file = { synced: Buffer.alloc(0), pending: [] };
        await change((share) => {
          if (share === 1) files.set(name, file);
        });
        return open(file);
      },
      remove: (name) => change((share) => void (share === 1 && files.delete(name))),
      sync: () =>
        change((share) => {
          if (share === 1) syncedNames = new Map(files);
        }),
    },
    steps: () => step,
    afterKill: () => simulatedDisk([], contents(files, current)),
    afterPowerLoss: (survives) => {
      const names = new Map(syncedNames);
      for (const name of new Set([...files.keys(), ...syncedNames.keys()])) {
        if (files.get(name) === syncedNames.get(name) || !survives()) continue;
        const file = files.get(name);
        if (file === undefined) names.delete(name);
        else names.set(name, file);
      }
      const surviving = (file: SimulatedFile): Buffer =>
        file.pending.reduce((content, { apply }) => (survives() ? apply(content) : content), file.synced);
      return simulatedDisk([], contents(names, surviving));
    },
    content: (name) => current(get(name)),
    names: () => [...files.keys()],
    replace: (name, content) => {
      files.set(name, { synced: content, pending: [] });
    },
  };
}

/** Returns a file's content after a write; what lies between its end and the write is zero. */
function written(content: Buffer, bytes: Buffer, at: number): Buffer {
  const result = Buffer.alloc(Math.max(content.length, at + bytes.length));
  content.copy(result);
  bytes.copy(result, at);
  return result;
}
