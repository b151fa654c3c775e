export { asIdentity, asker, currentIdentity, requireRole } from './identity.js';
export { resolveSecret } from './secrets.js';
export { hashOf, newToken, ROLES, TokenFile, type Identity, type Role, type StoredToken } from './token-file.js';
