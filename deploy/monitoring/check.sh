#!/usr/bin/env bash
# Checks the alert rules and runs their tests with promtool. Installs nothing; without promtool it says so and passes.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v promtool >/dev/null; then
  echo "left out: the alert rules and their tests, because promtool is not installed (Debian: package prometheus)" >&2
  exit 0
fi
promtool --version | head -n 1
promtool check rules --lint=all --lint-fatal rules/*.yml
promtool test rules rules/tests/*.yml
