#!/usr/bin/env bash
# Builds the image and starts every service from it once, without a Docker engine: as root, on Debian, with buildah and
# debootstrap. The base image is made here and tagged with the name that the Dockerfile uses, unless it is there.
#   deploy/check-image.sh          needs about 6 GB of disk and ten minutes
set -euo pipefail
cd "$(dirname "$0")/.."

base=$(awk '/^FROM/ {print $2; exit}' deploy/Dockerfile)
image=continue-watching:latest
work=$(mktemp -d)
containers=()
pids=()

say() { echo "check-image: $*"; }
die() { say "$*" >&2; exit 1; }

cleanup() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  for container in "${containers[@]}"; do buildah rm "$container" >/dev/null 2>&1 || true; done
  rm -rf "$work"
}
trap cleanup EXIT

[ "$(id -u)" -eq 0 ] || die "buildah's chroot isolation needs root: run it as root"
for tool in buildah debootstrap curl; do
  command -v "$tool" >/dev/null || die "$tool is missing: apt-get install buildah debootstrap curl"
done
export BUILDAH_ISOLATION=chroot

if ! buildah images "localhost/$base" >/dev/null 2>&1; then
  say "making the base image $base with debootstrap ..."
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/root" >"$work/debootstrap.log" \
    || { tail -n 5 "$work/debootstrap.log" >&2; die "debootstrap failed"; }
  container=$(buildah from scratch)
  buildah add -q "$container" "$work/root" / >/dev/null
  buildah config --cmd python3 "$container"
  buildah commit -q --rm "$container" "localhost/$base" >/dev/null
  rm -rf "$work/root"
fi

# What pip and jgo need to reach their repositories from here, they need in the build as well.
build=(--pull=never --layers -t "$image" -f deploy/Dockerfile)
for name in $(compgen -e PIP_ || true) REQUESTS_CA_BUNDLE SSL_CERT_FILE; do
  if [ -z "${!name:-}" ]; then continue; fi
  build+=(--env "$name=${!name}")
  if [ -e "${!name}" ]; then build+=(--volume "${!name}:${!name}:ro"); fi
done
say "building $image ..."
buildah bud -q "${build[@]}" . >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; die "the build failed"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
broker_port=$(free_port) worker_port=$(free_port) gateway_port=$(free_port) monitor_port=$(free_port)
outcomes_port=$(free_port)
mkdir -m 777 "$work/data" "$work/bundles"

# One container a service, all in this machine's network, their data in a folder of this run.
service() {
  local name=$1 container
  shift
  container=$(buildah from --pull=never "$image")
  containers+=("$container")
  mkdir -p -m 777 "$work/data/$name"
  command=(
    buildah run --volume "$work/data/$name:/data" --volume "$work/bundles:/bundles"
    --env KAFKA_BOOTSTRAP_SERVERS="$([ "$name" = broker ] || echo "127.0.0.1:$broker_port")"
    --env CW_BROKER_PORT="$broker_port" --env CW_WORKER_PORT="$worker_port"
    --env CW_GATEWAY_PORT="$gateway_port" --env CW_MONITOR_PORT="$monitor_port"
    --env CW_OUTCOMES_PORT="$outcomes_port"
    "$container" -- "$@"
  )
}
run_in_background() {
  service "$@"
  "${command[@]}" >"$work/$1.log" 2>&1 &
  pids+=($!)
}
run_to_its_end() {
  service "$@"
  "${command[@]}" >"$work/$1.log" 2>&1 || { tail -n 5 "$work/$1.log" >&2; die "$1 failed"; }
}
answers() {
  local name=$1 url=$2
  for _ in $(seq 240); do
    if curl -fs -o /dev/null "$url"; then say "$name answers"; return; fi
    sleep 0.5
  done
  tail -n 5 "$work/$name.log" >&2
  die "$name does not answer at $url"
}

say "starting each service from it ..."
run_in_background broker cw broker start --foreground
for _ in $(seq 240); do
  if grep -q 'topics created' "$work/broker.log"; then break; fi
  sleep 0.5
done
grep -q 'topics created' "$work/broker.log" || { tail -n 5 "$work/broker.log" >&2; die "the broker did not start"; }
say "broker answers"
run_in_background worker cw worker
run_in_background gateway cw gateway
run_in_background monitor cw monitor
run_in_background outcomes cw outcomes
run_to_its_end simulate cw simulate --members 20 --days 30 --produce
answers worker "http://127.0.0.1:$worker_port/readyz"
answers gateway "http://127.0.0.1:$gateway_port/readyz"
answers monitor "http://127.0.0.1:$monitor_port/readyz"
answers outcomes "http://127.0.0.1:$outcomes_port/readyz"
run_to_its_end trainer sh -c "cw train --events kafka:playback.events -o /bundles/one && cw publish /bundles/one"
for _ in $(seq 120); do
  if curl -fs "http://127.0.0.1:$worker_port/metrics" | grep -q '^cw_bundles_taken_total 1'; then
    say "trainer trained, the worker serves its bundle"
    say "all services of $image work"
    exit 0
  fi
  sleep 0.5
done
tail -n 5 "$work/worker.log" >&2
die "the worker did not take over the trainer's bundle"
