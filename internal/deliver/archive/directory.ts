import { readFile } from "node:fs/promises";
import { contentPath, writeContent } from "../../lib/content-directory.ts";
import type { Archive } from "./archive.ts";

/** Returns an archive in a directory of the file system, which is created where it does not exist. */
export function directoryArchive(directory: string): Archive {
  return {
    put: async (name, bytes) => {
      const { sha256 } = await writeContent(directory, (write) => write(bytes)).catch((error: unknown) => {
        throw new Error(`deliver.archive ${directory} cannot be written (${codeOf(error)}); ${cureOf(error)}`);
      });
      if (sha256 !== name) throw new Error(`an object that is ${sha256} was to be archived as ${name}`);
    },
    get: async (name) => {
      try {
        return await readFile(contentPath(directory, name));
      } catch (error) {
        const cure = codeOf(error) === "ENOENT" ? "restore it from a copy, or correct deliver.archive" : cureOf(error);
        throw new Error(
          `the object ${name} cannot be read from deliver.archive ${directory} (${codeOf(error)}); ${cure}`,
        );
      }
    },
  };
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function cureOf(error: unknown): string {
  if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT") return "make room on its disk";
  if (codeOf(error) === "EACCES" || codeOf(error) === "EROFS") return "give the daemon's user the right to it";
  return "see that it is a directory on a disk that works";
}
