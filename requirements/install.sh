#!/usr/bin/env bash
# Installs the pinned packages with the Python given, showing how far it is; all that pip said only where it fails.
set -euo pipefail

python=$1
here=$(cd "$(dirname "$0")" && pwd)
total=$(grep -c '^[A-Za-z].*==' "$here/lock.txt")
log=$(mktemp)
trap 'rm -f "$log"' EXIT

show_progress() {
  local line count=0
  while IFS= read -r line; do
    case $line in
      Collecting*) count=$((count + 1)) ;;
      "Installing collected"*) echo "Unpacking (half a minute) ..."; continue ;;
      *) continue ;;
    esac
    if ((count % 20 == 0)); then echo "Fetched $count of about $total packages ..."; fi
  done
}

echo "Installing $total pinned packages (a minute or two the first time) ..."
if ! "$python" -m pip install --disable-pip-version-check --require-hashes --no-deps -r "$here/lock.txt" 2>&1 |
  tee "$log" | show_progress; then
  grep -vE '^(Collecting|  (Using|Downloading)|Requirement already)' "$log" | tail -n 20 >&2
  echo "setup: pip could not install the packages (its last lines are above): check the network or proxy, then try again" >&2
  exit 1
fi
