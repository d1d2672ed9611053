// Moves elements smoothly from where they were to where a change puts them (first, last, invert, play).

const DURATION_MS = 520;

// Runs `change` on the children of `parent`; those that stay glide, those that come fade in.
export function moved(parent, change) {
  const before = new Map([...parent.children].map((child) => [child, place(child)]));
  change();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const child of parent.children) {
    const was = before.get(child);
    if (!was) {
      child.animate([{ opacity: 0, transform: "scale(.92)" }, { opacity: 1, transform: "none" }], { duration: DURATION_MS, easing: "ease-out" });
      continue;
    }
    const is = place(child);
    const [x, y] = [was.left - is.left, was.top - is.top];
    if (!x && !y) continue;
    child.animate([{ transform: `translate(${x}px, ${y}px)`, zIndex: 2 }, { transform: "none", zIndex: 2 }], { duration: DURATION_MS, easing: "cubic-bezier(.2,.8,.2,1)" });
  }
}

// Relative to the parent, so that scrolling is no movement.
function place(child) {
  return { left: child.offsetLeft, top: child.offsetTop };
}
