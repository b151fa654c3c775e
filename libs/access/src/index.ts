export { resolveSecret } from './secrets.js';
