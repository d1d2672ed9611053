// Calls to the gateway. The page's own address may carry ?access_token=...; it goes with every call.

const TOKEN = new URLSearchParams(location.search).get("access_token");
const RETRY_MS = 2000;

export class CallError extends Error {
  constructor(status, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export function memberPath(memberId) {
  return `v1/members/${encodeURIComponent(memberId)}`;
}

export async function getJson(path, query = {}) {
  return call(withQuery(path, query), {});
}

export async function postEvents(events, keepalive = false) {
  return call("v1/events", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(events),
    keepalive,
  });
}

// Follows a member's row on one device. `onRow` gets each newer row, `onOpen` true and false as the connection comes
// and goes. The browser reconnects by itself and names the last version; where it gives up, this begins again.
export function followRow(memberId, deviceId, onRow, onOpen) {
  let source = null;
  let last = "";
  let timer = 0;
  const connect = () => {
    const query = { device_id: deviceId, last_event_id: last, access_token: TOKEN };
    source = new EventSource(withQuery(`${memberPath(memberId)}/row/stream`, query));
    source.onopen = () => onOpen(true);
    source.onmessage = (message) => {
      last = message.lastEventId;
      onRow(JSON.parse(message.data));
    };
    source.onerror = () => {
      onOpen(false);
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, RETRY_MS * (1 + Math.random()));
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

// -1, 0 or 1: versions are three numbers, never text.
export function compareVersions(left, right) {
  const a = left.split("-").map(Number);
  const b = right.split("-").map(Number);
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

function withQuery(path, query) {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

async function call(path, options) {
  const headers = { ...options.headers, ...(TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch {
    throw new CallError(0, "the gateway does not answer", RETRY_MS);
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const retryAfter = Number(answer.headers.get("Retry-After"));
  const reason = body.error || (body.rejected && body.rejected[0] && body.rejected[0].error) || answer.statusText;
  throw new CallError(answer.status, reason, retryAfter ? retryAfter * 1000 : 0);
}
