import { resolveSecret } from '@hozen/access';
import type { ErrorView } from '@hozen/contracts';
import type { Context } from '../context.js';
import { addressOfService, unreachable, type Service } from './addresses.js';
import { Refusal } from './refusal.js';

const LONGEST_ANSWER_MS = 15_000;

export interface Call {
  method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  query?: Record<string, string | number | undefined>;
  body?: object;
  /** Milliseconds to wait for the answer; default 15 s. */
  longestMs?: number;
}

/**
 * Asks a service over HTTP.
 * @throws Refusal when it answers with an error; HozenError SERVICE_UNREACHABLE when it does not answer
 */
export async function call<Answer>(
  context: Context,
  service: Service,
  path: string,
  options: Call = {},
): Promise<Answer> {
  const base = await addressOfService(context, service);
  const url = new URL(base + path);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const token = await tokenOf(context);
  const deadline = AbortSignal.any([context.signal, AbortSignal.timeout(options.longestMs ?? LONGEST_ANSWER_MS)]);
  const response = await fetch(url, {
    method: options.method ?? 'GET',
    signal: deadline,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  }).catch((cause: unknown) => {
    throw context.signal.aborted ? cause : unreachable(service, base, cause);
  });
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(service, base, cause);
  });
  if (response.ok) return JSON.parse(text) as Answer;
  throw new Refusal(service, response.status, errorViewOf(text, service, response.status));
}

/** From HOZEN_TOKEN, or the file that HOZEN_TOKEN_FILE names. */
async function tokenOf({ env }: Context): Promise<string | undefined> {
  const file = env['HOZEN_TOKEN_FILE'];
  return env['HOZEN_TOKEN'] ?? (file ? resolveSecret(`file:${file}`) : undefined);
}

/** What stands between us and the service (a proxy) may answer with a page of its own. */
function errorViewOf(text: string, service: Service, status: number): ErrorView {
  try {
    const view = JSON.parse(text) as ErrorView;
    if (typeof view.error.code === 'string') return view;
  } catch {
    // Not JSON, or JSON without an error: told below.
  }
  const message = `${service} answered ${status}: ${text.slice(0, 200)}`;
  return { error: { code: 'INTERNAL', message, hint: 'Look at the log of the service.' } };
}
