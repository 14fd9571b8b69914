import { expect, it } from "vitest";
import { cannotOpen } from "./refusals.ts";

const said = (code: string, message: string): Error => Object.assign(new Error(message), { code });

// The texts are those of PgBouncer 1.18, which has one code for all of them.
it.each([
  ["query_wait_timeout", "the pooler answers, and has no connection to its server"],
  ["server login has been failing, try again later (server_login_retry)", "the pooler answers, and has no connection"],
  ["pgbouncer cannot connect to server", "the pooler answers, and has no connection to its server"],
  ['password authentication failed for user "app"', "the database refuses the password"],
  ["no such user", "the database refuses the password"],
  ["no such database: prices", "there is no such database"],
  ['database "prices" does not exist', "there is no such database"],
  ["no more connections allowed (max_client_conn)", "the database takes no more connections"],
  ["unsupported startup parameter: work_mem", "a parameter of [database] url is refused"],
])("what a pooler says by %s is told as what it is", (text, what) => {
  expect(cannotOpen(said("08P01", text)).message).toContain(`${what}`);
  expect(cannotOpen(said("08P01", text)).message).toContain(`(${text}); `);
});

it.each([
  ["ENOTFOUND", "is not found"],
  ["ECONNREFUSED", "the database does not answer ("],
  ["CONNECT_TIMEOUT", "the database does not answer in time"],
  ["28P01", "the database refuses the password"],
  ["28000", "the database refuses the login"],
  ["3D000", "there is no such database"],
  ["42501", "the database refuses the role what it needs"],
  ["53300", "the database takes no more connections"],
  ["57P03", "the database is starting or stopping"],
  ["CONNECTION_CLOSED", "is closed before it is ready"],
])("%s is told as what it is", (code, what) => {
  const texts = new Map([
    ["3D000", 'database "prices" does not exist'],
    ["53300", "sorry, too many clients already"],
  ]);
  expect(cannotOpen(said(code, texts.get(code) ?? "why")).message).toContain(what);
});
