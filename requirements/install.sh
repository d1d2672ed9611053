#!/usr/bin/env bash
# Installs the pinned packages with the Python given, showing how far it is; all that pip said only where it fails.
# A second argument names another list than lock.txt.
set -euo pipefail

python=$1
list=$(cd "$(dirname "$0")" && pwd)/${2:-lock.txt}
total=$(grep -c '^[A-Za-z].*==' "$list")
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
if ! "$python" -m pip install --disable-pip-version-check --require-hashes --no-deps -r "$list" 2>&1 |
  tee "$log" | show_progress; then
  grep -vE '^(Collecting|  (Using|Downloading)|Requirement already)' "$log" | tail -n 20 >&2
  echo "setup: pip could not install the packages (its last lines are above): check the network or proxy, then try again" >&2
  exit 1
fi
