import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished } from "vitest";
import { InputError } from "../canonical/input-error.ts";
import { fine, serve } from "../http/local-server.testing.ts";
import { eventOf, send, settingsOf, WHSEC } from "./deliver.testing.ts";
import { makeSender } from "./make-sender.ts";

const URL_OF_NOBODY = "http://127.0.0.1:1";

describe("a sender", () => {
  it("reads its secrets from files and the environment", async () => {
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-test-secrets-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "secret");
    writeFileSync(file, `${WHSEC}\n`);
    const server = await serve(fine);
    const other = `whsec_${Buffer.alloc(24, 8).toString("base64")}`;
    const toml = `secrets = [{ file = "${file}" }, { env = "OTHER" }]`;
    expect(await send(settingsOf("webhook", server.url, toml), { env: { OTHER: other } })).toMatchObject({
      outcome: "delivered",
    });
    const [{ body = "", headers = {} } = {}] = server.received;
    for (const secret of [WHSEC, other]) new Webhook(secret).verify(body, headers as Record<string, string>);
  });

  it.each([
    ['secrets = [{ env = "HOOK" }]', {}, 'deliveries "to": secrets[0]: the variable HOOK is not there'],
    ['secrets = [{ env = "HOOK" }]', { HOOK: "" }, "the variable HOOK is empty"],
    ['secrets = [{ env = "HOOK" }]', { HOOK: "hunter2" }, "what was read is neither whsec_ nor whsk_"],
    ['secrets = [{ file = "/nowhere/hook" }]', {}, "the file /nowhere/hook is not there, or cannot be read"],
    [
      '[deliveries.headers]\na = { env = "A" }',
      { A: "hunter2\nb: c" },
      "headers.a: what was read is no value of a header",
    ],
  ])("is not made without what it needs: %s, %j", (toml, env, message) => {
    const make = () => makeSender(settingsOf("webhook", URL_OF_NOBODY, toml), { env, now: () => 0n });
    expect(make).toThrow(InputError);
    expect(make).toThrow(message);
    expect(make).not.toThrow("hunter2");
  });

  it("does not throw for an event that cannot be written", async () => {
    const toml = '[deliveries.body]\na = { from = "/a" }';
    const sent = await send(settingsOf("webhook", URL_OF_NOBODY, toml), { event: eventOf({ body: "{" }) });
    expect(sent).toMatchObject({ outcome: "retry", reason: "mapping_failed", detail: "the event's data are not JSON" });
  });
});
