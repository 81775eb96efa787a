// @ts-check
/**
 * Runs one example of the documentation, in a process of its own: as a page if `PAGE` says where
 * it is from, and rendered by React if `COMPONENT` names what it exports.
 */
import { becomePage } from './page.js';

const { PAGE = '', COOKIE = '', EXAMPLE = '', COMPONENT = '' } = process.env;

if (PAGE !== '') becomePage(PAGE, COOKIE);
const example = await import(EXAMPLE);
if (COMPONENT !== '') await render(example[COMPONENT]);

/**
 * Prints what is rendered, each time that it is.
 *
 * @param {import('react').FunctionComponent} component
 */
async function render(component) {
  const { createElement, Profiler } = await import('react');
  const { create } = await import('react-test-renderer');
  const onRender = () => queueMicrotask(() => process.stdout.write(`${JSON.stringify(renderer.toJSON())}\n`));
  const renderer = create(createElement(Profiler, { id: 'example', onRender }, createElement(component)));
}
