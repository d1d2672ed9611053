#!/usr/bin/env bash
# Finds the browser that tests drive, or installs Debian's chromium and its driver. Does nothing where both are there.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }
driver() { have chromedriver || [ -x /usr/lib/chromium/chromedriver ] || [ -x /usr/lib/chromium-browser/chromedriver ]; }
browser() { have chromium || have chromium-browser || have google-chrome; }

if browser && driver; then exit 0; fi

say() { echo "browser tests: $*" >&2; }
if ! have apt-get; then
  say "no Chromium found: install Chromium and its chromedriver with this system's package manager, then try again"
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! have sudo; then
    say "no Chromium found, and installing it needs root: run 'apt-get install chromium chromium-driver' as root, then try again"
    exit 1
  fi
  as_root=(sudo)
fi
say "installing chromium and chromium-driver with apt (about a minute, once) ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium chromium-driver
}
if ! { "${as_root[@]}" apt-get update && install; } >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  say "apt could not install them (its last lines are above): install chromium and chromium-driver, then try again"
  exit 1
fi
