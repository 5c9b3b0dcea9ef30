/** Proxies as the environment names them, for the terminal; VS Code has settings of its own. */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIPv6 } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { isThisMachine } from '../server/address.ts';
import { CONNECT_MS, MAX_SOCKETS } from '../server/http.ts';
import { UsageError } from './usage.ts';

/**
 * How to connect to a server through the proxy of HTTPS_PROXY or HTTP_PROXY (small letters too), unless NO_PROXY names its host;
 * undefined where there is none.
 *
 * @throws UsageError for a proxy that is no http address
 */
export function proxyAgent(url: string, env: NodeJS.ProcessEnv): http.Agent | undefined {
  const { protocol, hostname } = new URL(url);
  const secure = protocol === 'https:';
  const named = (name: string): string => env[name] ?? env[name.toLowerCase()] ?? '';
  const proxy = named(secure ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (proxy === '' || isThisMachine(url) || isExcepted(hostname, named('NO_PROXY'))) return undefined;
  let place: URL;
  let login: string;
  try {
    place = new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
    if (place.protocol !== 'http:') throw new Error(`${place.protocol} is not known`);
    login = place.username === '' ? '' : `${decodeURIComponent(place.username)}:${decodeURIComponent(place.password)}`;
  } catch (error) {
    throw new UsageError('The proxy that the environment names is no http address.', { cause: error });
  }
  return tunnelAgent(place, login, secure);
}

/** NO_PROXY: hosts and ends of their names, divided by commas; * for all. */
function isExcepted(host: string, list: string): boolean {
  return list.split(',').some((entry) => {
    const named = entry.trim().toLowerCase();
    const name = isIPv6(named) ? `[${named}]` : named.replace(/^\*?\./, '').replace(/:\d+$/, '');
    return name !== '' && (name === '*' || host === name || host.endsWith(`.${name}`));
  });
}

/**
 * Connections that the proxy opens to the server on CONNECT.
 *
 * @param login name and password with a colon between; empty where it wants none
 */
function tunnelAgent(proxy: URL, login: string, secure: boolean): http.Agent {
  const kept = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const agent = secure ? new https.Agent(kept) : new http.Agent(kept);
  agent.createConnection = (options, done) => {
    const { host = 'localhost', port } = options as ConnectionOptions;
    const target = `${isIPv6(host) ? `[${host}]` : host}:${String(port)}`;
    const request = http.request({
      host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: proxy.port || 80,
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: {
        host: target,
        ...(login === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
    });
    const waiting = setTimeout(() => request.destroy(new Error('it says nothing')), CONNECT_MS);
    request.once('close', () => {
      clearTimeout(waiting);
    });
    request.once('connect', ({ statusCode = 0 }, socket) => {
      clearTimeout(waiting);
      if (statusCode !== 200) {
        socket.destroy();
        done?.(new Error(`the proxy answers with status ${statusCode}`), socket);
        return;
      }
      done?.(null, secure ? connectTls({ ...(options as ConnectionOptions), socket }) : socket);
    });
    request.once('error', (error) => {
      done?.(new Error(`the proxy cannot be reached: ${error.message}`), request.socket!);
    });
    request.end();
    return undefined;
  };
  return agent;
}
