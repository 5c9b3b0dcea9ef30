import { expect, it } from 'vitest';
import { isReadable, isThisMachine, serverUrl, serverUrls } from '../../extension/server/address.ts';

it.each([
  ['localhost:8000', 'http://localhost:8000'],
  [' http://10.0.0.7:8000/v1/ ', 'http://10.0.0.7:8000'],
  ['https://host/v1/completions', 'https://host'],
  ['https://host/team/model/v1', 'https://host/team/model'],
  ['http://[::1]:30000/generate', 'http://[::1]:30000'],
])('%s is the server at %s', (text, url) => {
  expect(serverUrl(text)).toBe(url);
});

it.each([
  ['', 'is not the address'],
  ['http://', 'is not the address'],
  ['ftp://host', 'over http or https, not ftp'],
  ['https://me:secret@host', 'must not carry a password'],
  ['https://me:secret@host:99999', 'This is not the address'],
])('"%s" is refused', (text, sentence) => {
  expect(() => serverUrl(text)).toThrow(sentence);
});

it('several are divided by commas', () => {
  expect(serverUrls('localhost:1, http://b:2/v1,http://localhost:1/,')).toEqual(['http://localhost:1', 'http://b:2']);
  expect(() => serverUrls(' ')).toThrow('is not the address');
});

it('what goes to another machine over http can be read on its way', () => {
  expect(['http://localhost:1', 'http://127.0.0.2', 'http://[::1]'].map(isThisMachine)).toEqual([true, true, true]);
  expect(['http://10.0.0.7', 'https://10.0.0.7', 'http://localhost'].map(isReadable)).toEqual([true, false, false]);
  // What a server that listens on all addresses says of itself; nothing is sent to another machine by it.
  expect(['http://0.0.0.0:8000', 'http://[::]:8000'].map(isReadable)).toEqual([false, false]);
  expect(isThisMachine('http://localhost.evil.example')).toBe(false);
  expect(['http://127.evil.example', 'http://127.0.0.1.evil.example'].map(isThisMachine)).toEqual([false, false]);
  expect(isReadable('http://127.evil.example')).toBe(true);
});
