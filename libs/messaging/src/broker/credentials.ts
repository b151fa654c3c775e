import { credsAuthenticator, type ConnectionOptions } from '@nats-io/transport-node';
import { HozenError } from '@hozen/contracts';

/** How a service logs in to the broker; `creds` is the text of a `.creds` file. */
export type BrokerCredentials = { user: string; password: string } | { token: string } | { creds: string };

/** Splits a broker URL into servers and login. A `user:password@` in the URL is taken out of it, so that it can be shown. */
export function authenticationOf(
  url: string,
  credentials?: BrokerCredentials,
): { servers: string[] } & Pick<ConnectionOptions, 'user' | 'pass' | 'token' | 'authenticator'> {
  const parsed = url.split(',').map((each) => URL.parse(each.includes('://') ? each.trim() : `nats://${each.trim()}`));
  const servers = parsed.map((each) => {
    if (!each?.hostname) throw new HozenError('SETTINGS_INVALID', { what: 'the broker URL is not a nats:// URL' });
    return `${each.protocol}//${each.host}`;
  });
  return { servers, ...(credentials ? loginOf(credentials) : loginInUrl(parsed[0])) };
}

function loginOf(credentials: BrokerCredentials): Pick<ConnectionOptions, 'user' | 'pass' | 'token' | 'authenticator'> {
  if ('creds' in credentials) return { authenticator: credsAuthenticator(new TextEncoder().encode(credentials.creds)) };
  if ('token' in credentials) return { token: credentials.token };
  return { user: credentials.user, pass: credentials.password };
}

function loginInUrl(url: URL | null | undefined): Pick<ConnectionOptions, 'user' | 'pass' | 'token'> {
  if (!url?.username) return {};
  const user = decodeURIComponent(url.username);
  return url.password ? { user, pass: decodeURIComponent(url.password) } : { token: user };
}
