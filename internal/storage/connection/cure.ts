/** Returns what to do about a missing privilege, a read-only server or a full lock table; empty for other errors. */
export function cureOf(error: unknown): string {
  const { code, message = "" } = error as { code?: unknown; message?: string };
  if (code === "53200" && message.includes("shared memory")) {
    return (
      ". The server's lock table is full: set max_locks_per_transaction in postgresql.conf as stellarindex doctor " +
      "recommends, and restart the server"
    );
  }
  if (code !== "42501" && code !== "25006") return "";
  if (message.includes("during recovery")) return "; this server is a standby: [database] url must lead to the primary";
  return (
    ". The role of [database] url lacks the privilege: set STELLARINDEX_DATABASE_URL to the URL of the owner of the tables " +
    "(postgres://stellarindex_owner:…) to change something, or of stellarindex_reader to read"
  );
}
