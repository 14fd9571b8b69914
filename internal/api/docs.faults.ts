import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { hashKey } from "../http/keys.ts";
import { serveTestApi } from "../http/served.testing.ts";
import { type Listening, listen } from "../http/server.ts";
import type { TestDatabase } from "../storage/connection/database.testing.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./v1/api.testing.ts";

const CHROMIUM = process.env["STELLARINDEX_TEST_CHROMIUM"] ?? "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) {
  console.warn(`left out: tests of /docs in a browser, because there is no ${CHROMIUM}`);
}

let database: TestDatabase;
let server: Listening;
let browser: Browser | undefined;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [trade(parsePair("XLM/USD"), "2026-01-10T11:59:00Z", { base: "2" })]);
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  server = await listen(api.app, { host: "127.0.0.1", port: 0 });
  if (hasChromium) {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  }
});

/** Returns a page that bears a busy machine. */
async function newPage(): Promise<Page> {
  const page = await (browser as Browser).newPage();
  page.setDefaultTimeout(240_000);
  return page;
}

afterAll(async () => {
  await browser?.close();
  await server.close();
  await database.drop();
});

test("the page's content security policy allows only resources of this server", async () => {
  const url = `http://127.0.0.1:${server.port}/docs`;
  const response = await fetch(url);
  expect(response.headers.get("Content-Security-Policy")).toMatch(/^default-src 'none'; script-src 'self'; /);
  expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
  const page = await response.text();
  const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
  expect(links).toHaveLength(4);
  for (const link of links) {
    expect(link).not.toMatch(/^(?:https?:)?\/\//);
    expect((await fetch(new URL(link, url))).status).toBe(200);
  }
});

test.skipIf(!hasChromium)("in a browser, the page shows the operations and can execute one", async () => {
  const page = await newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  const hosts = new Set<string>();
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) hosts.add(new URL(request.url()).host);
  });

  await page.goto(`http://127.0.0.1:${server.port}/`);
  await page.locator(".opblock").first().waitFor();
  expect(await page.locator(".opblock-summary-path").allInnerTexts()).toEqual(
    [
      ...["vwap", "twap", "price", "ohlc", "sources", "markets", "coverage"],
      ...["methodology", "methodology/.?policy", "openapi.json"],
    ].map((name) => expect.stringMatching(new RegExp(`v1/.?${name}$`))),
  );

  const operation = page.locator(".opblock", { has: page.locator('[data-path="/v1/price"]') });
  await operation.locator(".opblock-summary").click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.locator('tr[data-param-name="pair"] input').fill("XLM/USD");
  await operation.getByRole("button", { name: "Execute" }).click();
  await operation.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  expect(await operation.locator(".live-responses-table .highlight-code").first().textContent()).toContain(
    '"price": "0.5"',
  );
  expect(complaints).toEqual([]);
  expect([...hosts]).toEqual([`127.0.0.1:${server.port}`]);
  await page.close();
});

test.skipIf(!hasChromium)("in a browser, the page sends the API key once it has one", async () => {
  const keyed = await serveTestApi({
    database,
    settings: { keys: "required" },
    access: { keys: [{ name: "reader", hash: hashKey("si_of-the-reader"), scopes: ["prices:read"] }] },
  });
  const page = await newPage();
  await page.goto(`${keyed.url}/docs`);
  const operation = page.locator(".opblock", { has: page.locator('[data-path="/v1/sources"]') });
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  const status = (code: string) =>
    operation.locator(".live-responses-table .response-col_status", { hasText: code }).waitFor();
  await operation.getByRole("button", { name: "Execute" }).click();
  await status("401");
  await page.locator(".btn.authorize").click();
  await page.locator(".auth-container input").fill("si_of-the-reader");
  await page.locator(".btn.modal-btn.authorize").click();
  await page.locator(".btn-done").click();
  await operation.getByRole("button", { name: "Execute" }).click();
  await status("200");
  await page.close();
  await keyed.close();
});
