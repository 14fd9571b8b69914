import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { formatAnnouncement, formatPut, parseAnnouncement, parsePut, vwapKey } from "./keys.ts";

test("a key contains the configured pair and the window in seconds", () => {
  expect(vwapKey(parsePair("XLM/USD"), 300)).toBe("vwap:crypto:XLM:fiat:USD:300");
  expect(vwapKey(parsePair("native/USD"), 86400)).toBe("vwap:native:fiat:USD:86400");
});

test("a serialized announcement is parsed back, and keys of later versions are ignored", () => {
  const announcement = { key: "vwap:crypto:XLM:fiat:USD:300", to: "2026-08-09T22:30:00Z" };
  const payload = formatAnnouncement(announcement);
  expect(payload).toBe('{"key":"vwap:crypto:XLM:fiat:USD:300","to":"2026-08-09T22:30:00Z"}');
  expect(parseAnnouncement(payload)).toEqual(announcement);
  expect(parseAnnouncement(payload.replace("{", '{"later":1,'))).toEqual(announcement);
});

test("a serialized announcement of a put is parsed back, and keys of later versions are ignored", () => {
  expect(formatPut("div:native:fiat:USD")).toBe('{"key":"div:native:fiat:USD"}');
  expect(parsePut(formatPut("div:native:fiat:USD"))).toBe("div:native:fiat:USD");
  expect(parsePut('{"later":1,"key":"a"}')).toBe("a");
});

test("any other text is not an announcement", () => {
  for (const payload of ["", "null", "1", "[]", "{}", '"key"', '{"key":1,"to":"a"}', "{"]) {
    expect([parseAnnouncement(payload), parsePut(payload)]).toEqual([null, null]);
  }
  for (const payload of ['{"key":"a"}', '{"key":"a","to":1}']) expect(parseAnnouncement(payload)).toBeNull();
  fc.assert(fc.property(fc.string(), (payload) => parseAnnouncement(payload) === null && parsePut(payload) === null));
});
