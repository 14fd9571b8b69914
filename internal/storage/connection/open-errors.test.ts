import { expect, it } from "vitest";
import { explainOpenError } from "./open-errors.ts";

const said = (code: string, message: string): Error => Object.assign(new Error(message), { code });

// The texts are those of PgBouncer 1.18, which uses one code for all of them.
it.each([
  ["query_wait_timeout", "the pooler answers, but has no connection to its server"],
  ["server login has been failing, try again later (server_login_retry)", "the pooler answers, but has no connection"],
  ["pgbouncer cannot connect to server", "the pooler answers, but has no connection to its server"],
  ['password authentication failed for user "app"', "the database refuses the password"],
  ["no such user", "the database refuses the password"],
  ["no such database: prices", "there is no such database"],
  ['database "prices" does not exist', "there is no such database"],
  ["no more connections allowed (max_client_conn)", "the database accepts no more connections"],
  ["unsupported startup parameter: work_mem", "the database refuses a parameter of [database] url"],
])("the pooler's message %s gets its own explanation", (text, what) => {
  expect(explainOpenError(said("08P01", text)).message).toContain(`${what}`);
  expect(explainOpenError(said("08P01", text)).message).toContain(`(${text}); `);
});

it.each([
  ["ENOTFOUND", "is not found"],
  ["ECONNREFUSED", "the database does not answer ("],
  ["CONNECT_TIMEOUT", "the database does not answer in time"],
  ["28P01", "the database refuses the password"],
  ["28000", "the database refuses the login"],
  ["3D000", "there is no such database"],
  ["42501", "the role may not connect to the database"],
  ["53300", "the database accepts no more connections"],
  ["57P03", "the database is starting or stopping"],
  ["CONNECTION_CLOSED", "is closed before it is ready"],
])("%s gets its own explanation", (code, what) => {
  const texts = new Map([
    ["3D000", 'database "prices" does not exist'],
    ["53300", "sorry, too many clients already"],
  ]);
  expect(explainOpenError(said(code, texts.get(code) ?? "why")).message).toContain(what);
});
