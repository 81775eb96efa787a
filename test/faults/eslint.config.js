// @ts-check
export { default } from '../interop/eslint.config.js';
