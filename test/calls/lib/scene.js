// @ts-check
/** Kraken and Chromium, for the tests of the file that imports this: from before them until after. */
import { after, before } from 'node:test';
import { Stage } from './browser.js';
import { Kraken } from './kraken.js';

/** @type {Kraken} */
export let kraken;
/** @type {Stage} */
export let stage;

before(async () => {
  kraken = await Kraken.start();
  stage = await Stage.open();
});

after(async () => {
  await stage.close();
  await kraken.end();
});
