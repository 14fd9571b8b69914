import { generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { InputError } from "../canonical/input-error.ts";
import { parseSigningSecret } from "./signing-secret.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
const point = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
const text = (prefix: string, bytes: Buffer) => `${prefix}_${bytes.toString("base64")}`;

describe("a signing secret", () => {
  it.each([
    ["alone", seed],
    ["with its public key", Buffer.concat([seed, point])],
  ])("of Ed25519 %s signs as its key pair does", (_name, bytes) => {
    const { scheme, key } = parseSigningSecret(text("whsk", bytes));
    expect(scheme).toBe("v1a");
    expect(verify(null, Buffer.from("a"), publicKey, sign(null, Buffer.from("a"), key))).toBe(true);
  });

  it("of HMAC has the bytes that are written", () => {
    const { scheme, key } = parseSigningSecret(text("whsec", seed));
    expect([scheme, key.export()]).toEqual(["v1", seed]);
  });

  it.each([
    "",
    "hunter2",
    "whsec_hunter2%",
    "whsec_aHVudGVyMh==",
    text("whsec", seed.subarray(9)),
    text("whsec", Buffer.alloc(65)),
    text("whsk", seed.subarray(1)),
    text("whsk", Buffer.concat([seed, seed])),
    text("whpk", point),
  ])("is refused where it is none, without being quoted: %j", (wrong) => {
    expect(() => parseSigningSecret(wrong)).toThrow(InputError);
    expect(() => parseSigningSecret(wrong)).not.toThrow(/hunter2/);
  });
});
