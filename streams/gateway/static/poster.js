// A show's poster as an element: the scene in SVG, the name over it.

import { paletteOf, scene } from "./art.js";
import { hash } from "./catalogue.js";
import { el, svg } from "./dom.js";

export function poster(show, wide = false) {
  const [top, bottom] = paletteOf(show);
  const id = `sky-${hash(show.name).toString(36)}`;
  const picture = svg(
    "svg",
    { viewBox: wide ? "-33 30 166 94" : "0 0 100 150", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    svg("linearGradient", { id, x1: 0, y1: 0, x2: 0, y2: 1 }, svg("stop", { offset: "0", "stop-color": top }), svg("stop", { offset: "0.85", "stop-color": bottom })),
    ...scene(show).map((shape) => drawn(shape, id)),
  );
  return el(
    "div",
    { class: `poster${wide ? " wide" : ""}` },
    picture,
    el("div", { class: "poster-shade" }),
    el("div", { class: `poster-name type-${hash(show.name) % 4}` }, show.name),
  );
}

function drawn(shape, sky) {
  const paint = { fill: shape.fill, opacity: shape.opacity };
  switch (shape.kind) {
    case "sky":
      return svg("rect", { x: -40, y: -10, width: 180, height: 180, fill: `url(#${sky})` });
    case "rect":
      return svg("rect", { x: shape.x, y: shape.y, width: shape.w, height: shape.h, ...paint });
    case "circle":
      return svg("circle", { cx: shape.x, cy: shape.y, r: shape.r, ...paint });
    default:
      return svg("path", { d: shape.d, ...paint });
  }
}
