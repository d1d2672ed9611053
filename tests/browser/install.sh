#!/usr/bin/env bash
# Makes sure that the page's tests find a Chromium and its driver. Does nothing where both are there.
set -euo pipefail

have_browser() {
  command -v chromedriver >/dev/null && { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null
}

if have_browser; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "The page's tests need Chromium and chromedriver: install both with this system's package manager." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "The page's tests need Chromium: run 'sudo apt-get install chromium chromium-driver', then again." >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "Installing Chromium for the page's tests ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y \
    --no-install-recommends chromium chromium-driver fonts-dejavu-core; } >"$log" 2>&1; then
  tail -5 "$log" >&2
  echo "Chromium could not be installed; install chromium and chromium-driver by hand, then again." >&2
  exit 1
fi
have_browser
