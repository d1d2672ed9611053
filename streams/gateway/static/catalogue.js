// What exists: shows with their episodes, as /v1/titles gives them, and as the rows name what it does not know.

import { getJson } from "./api.js";

export class Catalogue {
  #shows = new Map();
  #byTitle = new Map();

  // What is there by `now` (ms since the epoch): titles to come are left out.
  static async load(now) {
    const { titles } = await getJson("v1/titles");
    const catalogue = new Catalogue();
    for (const show of titles) {
      show.episodes = show.episodes.filter((episode) => episode.added_at <= now);
      if (!show.episodes.length) continue;
      catalogue.#shows.set(show.show_id, show);
      for (const episode of show.episodes) catalogue.#byTitle.set(episode.title_id, { show, episode });
    }
    return catalogue;
  }

  get size() {
    return this.#shows.size;
  }

  // The show; one that only its events have shown goes by its id.
  show(showId) {
    return this.#shows.get(showId) ?? { show_id: showId, name: showId, kind: "series", genres: [], tags: [], episodes: [] };
  }

  shows() {
    return [...this.#shows.values()];
  }

  // The title behind a row's item, a wall's poster, or another title.
  title(show, titleId, season, episode) {
    const known = this.#byTitle.get(titleId)?.episode;
    return (
      known ?? {
        title_id: titleId ?? `${show.show_id}:${season ?? 0}:${episode ?? 0}`,
        season: season ?? null,
        episode: episode ?? null,
        runtime_s: null,
        credits_s: null,
        name: show.name,
      }
    );
  }

  next(show, title) {
    const at = show.episodes.findIndex((episode) => episode.title_id === title.title_id);
    return at >= 0 ? show.episodes[at + 1] ?? null : null;
  }

  // Rows of the wall: by genre, in an order that is the member's own, newest of a genre first.
  wall(memberId, perRow) {
    const byGenre = new Map();
    for (const show of this.#shows.values()) {
      for (const genre of show.genres.slice(0, 1)) {
        if (!byGenre.has(genre)) byGenre.set(genre, []);
        byGenre.get(genre).push(show);
      }
    }
    const newest = this.shows().sort((a, b) => b.added_at - a.added_at);
    const rows = newest.length ? [{ name: "New here", shows: newest.slice(0, perRow) }] : [];
    const genres = [...byGenre.keys()].sort((a, b) => hash(memberId + a) - hash(memberId + b));
    for (const genre of genres) {
      const shows = byGenre.get(genre).sort((a, b) => hash(memberId + a.show_id) - hash(memberId + b.show_id));
      rows.push({ name: genre[0].toUpperCase() + genre.slice(1), shows: shows.slice(0, perRow) });
    }
    return rows;
  }
}

// FNV-1a, 32 bits.
export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

// "S2 E5", "Film", or nothing where the number is unknown.
export function episodeLabel(item, kind) {
  if (item.episode === null || item.episode === undefined) return kind === "film" ? "Film" : "";
  return `${item.season ? `S${item.season} ` : ""}E${item.episode}`;
}
