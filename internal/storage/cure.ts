/** What to do where PostgreSQL refused a statement to the role of the URL, or had no room for it; empty for other errors. */
export function cureOf(error: unknown): string {
  const { code, message = "" } = error as { code?: unknown; message?: string };
  if (code === "53200" && message.includes("shared memory")) {
    return (
      ". The server has no room for so many locks: stellarindex doctor names the max_locks_per_transaction to set in " +
      "postgresql.conf; restart the server then"
    );
  }
  if (code !== "42501" && code !== "25006") return "";
  if (message.includes("during recovery")) return "; this server is a standby: [database] url must lead to the primary";
  return (
    ". The role of [database] url may not do this: give STELLARINDEX_DATABASE_URL the URL of the owner of the tables " +
    "(postgres://stellarindex_owner:…) to change something, or of stellarindex_reader to read"
  );
}
