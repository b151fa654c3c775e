/** `fetch` for Slack's libraries: with our deadline, and remembering what they do not tell. */
export interface Requester {
  request: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** `Retry-After` of the last answer; undefined when there was none or it is not in seconds. */
  retryAfterSeconds: () => number | undefined;
}

export function requester(signal: AbortSignal): Requester {
  let retryAfter: string | null = null;
  return {
    request: async (url, init = {}) => {
      // A redirection would carry the token to whoever answers it.
      const response = await fetch(url, { ...init, redirect: 'error', signal });
      retryAfter = response.headers.get('retry-after');
      return response;
    },
    retryAfterSeconds: () => (retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined),
  };
}
