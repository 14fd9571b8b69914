import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { formatAnnouncement, formatPut, parseAnnouncement, parsePut, vwapKey } from "./keys.ts";

test("a key names the pair as it is and the window in seconds", () => {
  expect(vwapKey(parsePair("XLM/USD"), 300)).toBe("vwap:crypto:XLM:fiat:USD:300");
  expect(vwapKey(parsePair("native/USD"), 86400)).toBe("vwap:native:fiat:USD:86400");
});

test("an announcement is read as it was made, with keys of later versions passed over", () => {
  const announcement = { key: "vwap:crypto:XLM:fiat:USD:300", to: "2026-08-09T22:30:00Z" };
  const payload = formatAnnouncement(announcement);
  expect(payload).toBe('{"key":"vwap:crypto:XLM:fiat:USD:300","to":"2026-08-09T22:30:00Z"}');
  expect(parseAnnouncement(payload)).toEqual(announcement);
  expect(parseAnnouncement(payload.replace("{", '{"later":1,'))).toEqual(announcement);
});

test("what was put is read as it was told, with keys of later versions passed over", () => {
  expect(formatPut("div:native:fiat:USD")).toBe('{"key":"div:native:fiat:USD"}');
  expect(parsePut(formatPut("div:native:fiat:USD"))).toBe("div:native:fiat:USD");
  expect(parsePut('{"later":1,"key":"a"}')).toBe("a");
});

test("anything else is no announcement", () => {
  for (const payload of ["", "null", "1", "[]", "{}", '"key"', '{"key":1,"to":"a"}', "{"]) {
    expect([parseAnnouncement(payload), parsePut(payload)]).toEqual([null, null]);
  }
  for (const payload of ['{"key":"a"}', '{"key":"a","to":1}']) expect(parseAnnouncement(payload)).toBeNull();
  fc.assert(fc.property(fc.string(), (payload) => parseAnnouncement(payload) === null && parsePut(payload) === null));
});
