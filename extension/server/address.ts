/** Addresses of servers as people write them. */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';

/** Ends of addresses that people copy along. */
const ROUTES = /\/(v1(\/(completions|chat\/completions|models))?|generate)?\/*$/;

/**
 * The server's address without the path of a route and without a slash at its end; `http://` is taken where no scheme is
 * there.
 *
 * @throws UserError `server-unfit` for what is no address, and for one that carries a password
 */
export function serverUrl(text: string): string {
  const trimmed = text.trim();
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z\d+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`);
  } catch (error) {
    // What may be a password is not repeated.
    const message = trimmed.includes('@')
      ? l10n.t`This is not the address of a server; an example is http://localhost:8000.`
      : l10n.t`"${text}" is not the address of a server; an example is http://localhost:8000.`;
    throw new UserError('server-unfit', message, { cause: error });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UserError(
      'server-unfit',
      l10n.t`A server is asked over http or https, not ${url.protocol.slice(0, -1)}.`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new UserError(
      'server-unfit',
      l10n.t`An address must not carry a password: an API key is asked for and kept apart.`,
    );
  }
  return url.origin + url.pathname.replace(ROUTES, '');
}

/** Several addresses, divided by commas, each once. Throws UserError `server-unfit`, also where there is none. */
export function serverUrls(text: string): [string, ...string[]] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  const [first, ...more] = new Set((parts.length > 0 ? parts : [text]).map(serverUrl));
  return [first!, ...more];
}

/** Names and addresses of this machine; the last two stand for all that it has. */
const OWN: ReadonlySet<string> = new Set(['localhost', '[::1]', '0.0.0.0', '[::]']);

/** Whether the address is this machine's own. */
export function isThisMachine(url: string): boolean {
  const { hostname } = new URL(url);
  return OWN.has(hostname) || hostname.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Whether what is sent to the address could be read on its way. */
export function isReadable(url: string): boolean {
  return new URL(url).protocol === 'http:' && !isThisMachine(url);
}
