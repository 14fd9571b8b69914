/** What to do where PostgreSQL refused a statement to the role of the URL; empty for other errors. */
export function rightsCure(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code !== "42501" && code !== "25006") return "";
  if (message?.includes("during recovery"))
    return "; this server is a standby: [database] url must lead to the primary";
  return (
    ". The role of [database] url may not do this: give STELLARINDEX_DATABASE_URL the URL of the owner of the tables " +
    "(postgres://stellarindex_owner:…) to change something, or of stellarindex_reader to read"
  );
}
