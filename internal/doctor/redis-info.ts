/** Fields of the reply to INFO. */
export type RedisInfo = ReadonlyMap<string, string>;

/** Parses the reply to INFO: lines `name:value`, and headings that begin with #. */
export function parseRedisInfo(text: string): RedisInfo {
  const fields = text
    .split(/\r?\n/)
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1)];
    });
  return new Map(fields);
}
