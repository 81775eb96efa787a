import { expect, test } from 'vitest';
import { placeOf, socketBase } from '../src/place.ts';

test.each([
  ['https://k.example/', 'https://k.example/', 'gateway', 'wss://k.example'],
  [
    'http://localhost:8080/index.html#/x',
    'http://localhost:8080/',
    'gateway',
    'ws://localhost:8080',
  ],
  ['https://k.example/below/?x', 'https://k.example/below/', 'gateway', 'wss://k.example/below'],
  [
    'http://node.example/kraken:kraken:template.os/#/room/a',
    'http://node.example/kraken:kraken:template.os/',
    'node',
    'ws://node.example/kraken:kraken:template.os',
  ],
  [
    'http://node.example/kraken%3Akraken%3Atemplate.os',
    'http://node.example/kraken:kraken:template.os/',
    'node',
    'ws://node.example/kraken:kraken:template.os',
  ],
])('pages at %s reach the server at %s', (address, base, way, socket) => {
  const place = placeOf(address);
  expect(place).toEqual({ base, way });
  expect(socketBase(place)).toBe(socket);
});
