// A feature as people read it: what it means and its value in words, from the meaning that the worker gives with it.

export function read(meaning, value) {
  if (value === null || value === undefined) return { words: sentence(meaning), value: "–" };
  const [main, note] = meaning.split(/;\s*(?=-?\d)/); // what follows says which number stands for what is unknown, or none
  const unknown = note !== undefined && value === Number.parseFloat(note) && value < 0;
  const choices = main.match(/^(.+): (0 .+)$/);
  if (choices) {
    const named = choices[2].split(", ").find((choice) => choice.startsWith(`${value} `));
    return { words: sentence(choices[1]), value: named?.slice(2) ?? number(value) };
  }
  const span = main.match(/^ln\(1 \+ (hours|days) (.+?)\)/);
  if (span) return { words: sentence(`time ${span[2]}`), value: unknown ? "unknown" : age(Math.expm1(value) * (span[1] === "days" ? 24 : 1)) };
  const counted = main.match(/^ln\(1 \+ (.+?)\)$/);
  if (counted) return { words: sentence(counted[1]), value: String(Math.round(Math.expm1(value))) };
  const yes = main.match(/^1 (?:where|while|for) (.+)$/);
  if (yes) return { words: sentence(yes[1]), value: value ? "yes" : "no" };
  if (unknown) return { words: sentence(main), value: "unknown" };
  if (!/ against /.test(main) && /^(its )?share\b|^position as a share\b/.test(main)) return { words: sentence(main), value: `${Math.round(100 * value)}%` };
  return { words: sentence(main), value: number(value) };
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.01 || size >= 100000) ? size.toExponential(1) : String(Math.round(size * 100) / 100);
  return value < 0 && text !== "0" ? `−${text}` : text;
}

function age(hours) {
  for (const [size, unit] of [[48, "days"], [2, "hours"]]) if (hours >= size) return `${Math.round(hours / (size === 48 ? 24 : 1))} ${unit}`;
  return `${Math.round(hours * 60)} min`;
}
