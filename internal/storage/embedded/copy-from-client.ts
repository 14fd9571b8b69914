import { message, parsedName } from "./frontend-messages.ts";

// COPY FROM STDIN would block the shared session forever: its data never reaches the backend.
const COPY_FROM_CLIENT = /(^|[;\0])\s*copy\b[^;]*\bfrom\s+stdin\b/i;
const COMMENTS = /--[^\n]*|\/\*[\s\S]*?\*\//g;
const COPY_REFUSED = Buffer.from('SELECT "COPY FROM STDIN is not supported by the embedded database"\0');

/** Whether a query contains COPY FROM STDIN. */
export function copiesFromClient(query: string): boolean {
  // Most queries are decided by this cheap test.
  if (!/stdin/i.test(query)) return false;
  return COPY_FROM_CLIENT.test(query) || COPY_FROM_CLIENT.test(query.replaceAll(COMMENTS, " "));
}

/** Replaces a Parse or Query message by one whose query fails with an error that names the reason. */
export function refuseCopy(type: string, bytes: Buffer): Buffer {
  if (type === "Q") return message(type, COPY_REFUSED);
  return message(type, Buffer.concat([Buffer.from(`${parsedName(bytes)}\0`, "latin1"), COPY_REFUSED, Buffer.alloc(2)]));
}
