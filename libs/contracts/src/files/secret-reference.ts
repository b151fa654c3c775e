/** A reference to a secret, never the secret: `env:NAME` or `file:/absolute/path`. */
export const SECRET_REFERENCE = /^(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/;
export const SECRET_MESSAGE = 'must be a reference to a secret (env:NAME or file:/path), not the secret itself';
