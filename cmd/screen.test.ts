import { expect, it } from "vitest";
import { createScreen } from "./screen.ts";

function written(isTTY: boolean): string {
  let text = "";
  const screen = createScreen({
    isTTY,
    write: (part) => {
      text += part;
    },
  });
  screen.show(["a", "b"]);
  screen.show(["c"]);
  screen.say("hello");
  screen.show(["d"]);
  return text;
}

it("redraws a table over the last one on a terminal, but never over messages", () => {
  expect(written(true)).toBe("a\nb\n\u001b[2A\u001b[0Jc\nhello\nd\n");
});

it("writes plain lines if the output is not a terminal", () => {
  expect(written(false)).toBe("a\nb\nc\nhello\nd\n");
});
