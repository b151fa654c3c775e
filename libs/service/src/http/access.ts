import { asIdentity, hashOf, requireRole, type Identity, type Role, type TokenFile } from '@hozen/access';
import { HozenError } from '@hozen/contracts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerTo, sendError } from './error-views.js';

/** Whose requests a service takes. */
export interface AccessSettings {
  /** Undefined: the service knows of no tokens, and takes everything. */
  tokens: TokenFile | undefined;
  /** SHA-256 of the token of the process that started the service; that alone closes nothing. */
  starterSha256: string | undefined;
}

/** For machines that watch, without names and data. */
const OPEN = ['/health', '/metrics', '/openapi.json'];
const BEARER = /^Bearer +(\S+)$/i;

/** As soon as there is one token, every request needs one: a viewer's to look, an operator's to ask, a DBA's to configure. */
export function access({ tokens, starterSha256 }: AccessSettings) {
  return async (request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> => {
    try {
      const path = pathOf(request);
      if (!tokens || OPEN.some((open) => path === open || path.startsWith(`${open}/`))) return next();
      const [, token] = BEARER.exec(request.headers.authorization ?? '') ?? [];
      const known = (await tokens.tokens()).length > 0;
      const identity = token === undefined ? undefined : await identify(token, tokens, starterSha256);
      if (!identity && !known) return next();
      if (!identity) throw new HozenError('TOKEN_MISSING');
      requireRole(identity, neededFor(request.method, path));
      asIdentity(identity, next);
    } catch (error) {
      const { status, view } = answerTo(error);
      if (status === 401) response.setHeader('www-authenticate', 'Bearer');
      sendError(response, status, view);
    }
  };
}

async function identify(token: string, tokens: TokenFile, starter: string | undefined): Promise<Identity | undefined> {
  if (starter !== undefined && hashOf(token) === starter) return { name: 'hozen up', role: 'dba' };
  return tokens.identify(token);
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

function neededFor(method: string | undefined, path: string): Role {
  if (method === 'GET' || method === 'HEAD') return 'viewer';
  // What a person sees before a decision changes nothing.
  if (path === '/restores/plan' || path.endsWith('/preview')) return 'viewer';
  return method === 'PUT' ? 'dba' : 'operator';
}
