// The page: which profile, how fast time passes, both devices, what was sent, and how things stand.

import { getJson } from "./api.js";
import { Catalogue } from "./catalogue.js";
import { Clock, START_AGO_MS } from "./clock.js";
import { Device } from "./device.js";
import { el } from "./dom.js";
import { SCALE, timecode } from "./film.js";

const SPEEDS = [0.25, 1, 4];
const EVENTS_KEPT = 60;
const RETRY_MS = 2000;
const ROOM_MS = 2 * 3600 * 1000;
const KINDS = ["tv", "phone"];

const $ = (id) => document.getElementById(id);
let devices = [];
let clock = null;
let speed = 1;
const connection = new Map();

async function main() {
  const asked = new URLSearchParams(location.search).get("member");
  status("loading the catalogue …");
  const [catalogue, members] = [await patiently(() => Catalogue.load(Date.now() - START_AGO_MS)), await patiently(known)];
  if (asked && !members.some((member) => member.member_id === asked)) members.unshift({ member_id: asked, devices: [] });
  members.push({ member_id: `guest-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`, devices: [], isNew: true });
  $("profile").replaceChildren(...members.map((member) => el("option", { value: member.member_id }, labelOf(member))));
  const chosen = members.find((member) => member.member_id === asked) ?? members.find(hasBoth) ?? members[0];
  $("profile").value = chosen.member_id;
  $("profile").addEventListener("change", () => open(members.find((member) => member.member_id === $("profile").value), catalogue));
  $("speeds").replaceChildren(...SPEEDS.map((value) => speedButton(value)));
  addEventListener("pagehide", () => devices.forEach((device) => device.stop()));
  setInterval(showClock, 250);
  await open(chosen, catalogue);
  await linkTitles();
}

// The similarity map, where the gateway has one.
async function linkTitles() {
  const { titles } = await patiently(() => getJson("v1/title-map/about"));
  $("titles").hidden = !titles;
  $("titles").search = location.search;
}

async function open(member, catalogue) {
  devices.forEach((device) => device.stop());
  connection.clear();
  clock = new Clock(knownUpTo(member));
  devices = KINDS.map((kind) => {
    const deviceId = member.devices.find((device) => device.device === kind)?.device_id ?? kind;
    const device = new Device({ kind, memberId: member.member_id, deviceId, catalogue, clock, sent: logEvent(catalogue), state: connectionState });
    device.player.setSpeed(speed);
    return device;
  });
  $("stage").replaceChildren(...devices.map((device) => device.element));
  $("stage").dataset.member = member.member_id;
  await Promise.all(devices.map((device) => device.start()));
}

// Profiles whose rows changed lately. First come those with a television and a phone, whose clock has room before it
// is at the present, and who have much to continue.
async function known() {
  const { members } = await getJson("v1/members");
  const items = (member) => Math.max(0, ...member.devices.map((device) => device.items));
  const hasRoom = (member) => Date.now() - knownUpTo(member) > ROOM_MS;
  return members.sort((a, b) => hasBoth(b) - hasBoth(a) || hasRoom(b) - hasRoom(a) || items(b) - items(a));
}

// Event time of the newest event that is known of a member, ms.
function knownUpTo(member) {
  return Math.max(0, ...member.devices.map((device) => device.scored_from_ts ?? 0));
}

function hasBoth(member) {
  return KINDS.every((kind) => member.devices.some((device) => device.device === kind && device.items > 1));
}

function labelOf(member) {
  if (member.isNew) return "somebody new";
  const [household, name] = member.member_id.includes("/") ? [member.member_id.slice(0, member.member_id.lastIndexOf("/")), member.member_id.split("/").pop()] : ["", member.member_id];
  return household ? `${name} · ${household}` : name;
}

function speedButton(value) {
  const name = `${SCALE * value}×`;
  const button = el("button", { class: "pill", role: "radio", "aria-checked": String(value === speed), title: `${name} faster than life` }, name);
  button.addEventListener("click", () => {
    speed = value;
    devices.forEach((device) => device.player.setSpeed(value));
    for (const other of $("speeds").children) other.setAttribute("aria-checked", String(other === button));
  });
  return button;
}

function showClock() {
  if (!clock) return;
  const now = clock.now();
  $("clock").textContent = new Date(now).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const caughtUp = Date.now() - now < 1000;
  $("clock").classList.toggle("now", caughtUp);
  $("clock").title = caughtUp ? "The present: a play counts after a real minute" : "The household's clock: it runs with the players";
}

function logEvent(catalogue) {
  return (kind, event, state, note) => {
    const what = event.show_id ? catalogue.show(event.show_id).name : "";
    const where = event.position_s === undefined ? "" : timecode(event.position_s);
    const line = el(
      "li",
      { class: state, title: note || event.event_id },
      el("time", {}, new Date(event.ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })),
      el("span", { class: `who ${kind}` }, kind),
      el("b", {}, event.type.replaceAll("_", " ")),
      el("span", { class: "what" }, what),
      el("span", { class: "where" }, where),
      el("span", { class: "note" }, note),
    );
    $("events").prepend(line);
    while ($("events").children.length > EVENTS_KEPT) $("events").lastChild.remove();
  };
}

function connectionState(kind, open, trouble) {
  const state = connection.get(kind) ?? { open: false, trouble: "" };
  connection.set(kind, { open: open ?? state.open, trouble: trouble ?? state.trouble });
  const troubles = [...connection.values()].map((one) => one.trouble).filter(Boolean);
  error(troubles[0] ?? "");
  const all = KINDS.every((name) => connection.get(name)?.open);
  status(all ? "live" : "connecting …", all);
}

function status(text, on = false) {
  $("status").textContent = text;
  $("status").classList.toggle("on", on);
}

function error(text) {
  $("error").hidden = !text;
  $("error").textContent = text;
}

// Tries until it works: the page may be open before the gateway's catalogue is there.
async function patiently(ask) {
  for (;;) {
    try {
      const answer = await ask();
      error("");
      return answer;
    } catch (fault) {
      error(fault.message);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

main();
