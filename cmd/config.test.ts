import { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { withFile } from "../internal/config/config.testing.ts";
import { addConfigCommand } from "./config.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

function run(...words: string[]): { out: string; err: string; exitCode: unknown } {
  let out = "";
  let err = "";
  const program = new Command("stellarindex").option("--config <file>").exitOverride();
  program.configureOutput({
    writeOut: (text) => {
      out += text;
    },
    writeErr: (text) => {
      err += text;
    },
  });
  addConfigCommand(program);
  program.parse(words, { from: "user" });
  return { out, err, exitCode: process.exitCode };
}

describe("config check", () => {
  it("sums up what is in effect", () => {
    vi.stubEnv("STELLARINDEX_REDIS_URL", "redis://:pw@h");
    const { out, err, exitCode } = run("config", "check");
    expect(out).toMatch(
      /^config ok: no file, 1 from the environment; 9 pairs × 3 windows every 30s; policy [0-9a-f]{12}; database pglite:stellarindex-data; redis redis:\/\/:\*\*\*@h\n$/,
    );
    expect({ err, exitCode }).toEqual({ err: "", exitCode: undefined });
  });

  it("lists every problem and exits with 2", () => {
    withFile("[log]\nlevel = 1\n[redis]\nurl = 1", (file) => {
      const { out, err, exitCode } = run("--config", file, "config", "check");
      expect({ out, exitCode }).toEqual({ out: "", exitCode: 2 });
      expect(err.trimEnd().split("\n")).toHaveLength(2);
      expect(err).toContain(`${file}: log.level: is 1; expected one of trace`);
    });
  });

  it("passes warnings on", () => {
    vi.stubEnv("STELLARINDEX_PORT", "tcp://h");
    const { err, exitCode } = run("config", "check");
    expect(err).toBe("warning: STELLARINDEX_PORT is no key of the configuration and is ignored\n");
    expect(exitCode).toBe(undefined);
  });
});

describe("config print", () => {
  it("shows the values of the file that the environment names", () => {
    withFile('[log]\nlevel = "warn"', (file) => {
      vi.stubEnv("STELLARINDEX_CONFIG", file);
      expect(run("config", "print").out).toContain('[log]\nlevel = "warn"  # file\n');
      const missing = run("--config", "/nowhere.toml", "config", "print");
      expect(missing).toMatchObject({ out: "", exitCode: 2, err: expect.stringContaining("there is no such file") });
    });
  });
});
