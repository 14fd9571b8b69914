import { UnusableUrl } from "../../canonical/unusable-url.ts";

const MEMORY = /^[:/]*memory:?$/i;
const SCHEME = /^[a-z][a-z\d+.-]+:/i;
const HOME = /^~[^/]*(\/|$)/;

/**
 * Refuses names that are probably mistakes and would create a database in an unexpected place: no shell expands `~` in
 * a configuration, and a URL is not a directory.
 * @throws UnusableUrl with what to write instead
 */
export function requireDirectoryName(directory: string): void {
  const refuse = (wrong: string, right: string): never => {
    throw new UnusableUrl("the directory of the embedded database", wrong, right);
  };
  const literally = "prefixed with ./ if the directory really has that name";
  if (directory !== directory.trim()) refuse("has leading or trailing blanks", "the directory alone");
  if (directory === "memory") return;
  if (MEMORY.test(directory)) refuse("looks like the database in memory", `"pglite:memory", or the name ${literally}`);
  if (HOME.test(directory))
    refuse("begins with ~, which is not expanded here", `the absolute path, or the name ${literally}`);
  if (SCHEME.test(directory)) refuse("is a URL", `a directory, or the name ${literally}`);
  if (/^\/\/[^/]/.test(directory)) refuse("begins with //", "one / for an absolute path, none for a relative one");
}
