// The page of the similarity map: which views are shown, what is picked, and how the parts follow each other.

import { getJson } from "./api.js";
import { el } from "./dom.js";
import { TitleMap } from "./title_canvas.js";
import { Detail } from "./title_detail.js";
import { Legend } from "./title_legend.js";
import { Search } from "./title_search.js";
import { TitleSpace } from "./title_space.js";

const ALL = "side by side";
const HOW = `cw titles import netflix netflix_titles.csv -o tables
cw titles train --titles tables/titles.csv -o vectors
cw titles map vectors
CW_TITLES_DIR=vectors cw gateway`;

const $ = (id) => document.getElementById(id);
let space = null;
let maps = [];
let legend = null;
let detail = null;
let shown = "";
let selected = -1;
let similar = {};
let countries = null;

async function main() {
  try {
    const about = await getJson("v1/title-map/about");
    if (!about.titles) return explain(about.problem);
    space = await TitleSpace.load();
    if (about.audience) countries = (await getJson("v1/title-map/countries")).countries;
  } catch (fault) {
    return error(fault.message);
  }
  $("space").hidden = false;
  const search = new Search(space, pick);
  $("search").append(...search.elements);
  detail = new Detail($("detail"), space, { picked: pick, hovered: hover, listed, countries });
  legend = new Legend($("legend"), (chosen) => maps.forEach((map) => map.update({ chosen })));
  $("colour").addEventListener("change", colour);
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select, textarea")) {
      event.preventDefault();
      search.input.focus();
    }
  });
  $("home").search = location.search;
  const views = [...space.views.keys()];
  $("views").replaceChildren(...[...views, ...(views.length > 1 ? [ALL] : [])].map(viewButton));
  follow();
}

// The address says what is shown: #view=graph&title=s1
function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const views = [...space.views.keys()];
  const preferred = views.includes("combined") ? "combined" : views[0];
  show([...views, ALL].includes(asked.get("view")) ? asked.get("view") : shown || preferred);
  const row = space.rows.get(asked.get("title"));
  if (row !== undefined && row !== selected) pick(row);
}

function show(view) {
  if (view === shown) return;
  shown = view;
  const names = view === ALL ? [...space.views.keys()] : [view];
  maps = names.map((name) => new TitleMap(space, name, { hovered: hover, picked: pick }));
  $("panels").classList.toggle("two", names.length > 1);
  $("panels").replaceChildren(...maps.map((map) => map.element));
  for (const button of $("views").children) button.setAttribute("aria-checked", String(button.value === view));
  if (view !== ALL) detail.setView(view);
  colour();
  update();
  remember();
}

function viewButton(view) {
  return el("button", { class: "pill", role: "radio", "aria-checked": "false", value: view, onclick: () => show(view) }, view);
}

function colour() {
  const by = $("colour").value;
  const colouring = space.colouring(by, maps[0].name);
  maps.forEach((map) => map.update({ colouring }));
  legend.show(by === "cluster" ? `clusters by ${maps[0].name}` : by === "year" ? "released" : "categories", colouring);
}

function pick(row) {
  selected = row;
  similar = {};
  update();
  detail.open(row);
  remember();
}

function listed(rows) {
  similar = rows;
  update();
  maps.forEach((map) => map.reveal());
}

function hover(row) {
  maps.forEach((map) => map.update({ hover: row }));
}

function update() {
  maps.forEach((map) => map.update({ selected, similar: similar[map.name] ?? [] }));
}

function remember() {
  const said = new URLSearchParams({ view: shown, ...(selected >= 0 ? { title: space.titles.id[selected] } : {}) });
  history.replaceState(null, "", `#${said}`);
}

function explain(problem) {
  $("missing").hidden = false;
  $("missing").append(el("h2", {}, "No titles to show yet"), el("p", {}, problem), el("pre", {}, HOW));
  $("views").parentElement.querySelectorAll(".field, .search").forEach((field) => { field.hidden = true; });
}

function error(text) {
  $("error").hidden = false;
  $("error").textContent = text;
}

main();
