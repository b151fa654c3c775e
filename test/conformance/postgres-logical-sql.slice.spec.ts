import { conforms } from './conforms.js';
import { postgresLogicalSql } from './subjects/postgres-logical.js';

// A part of `npm run conformance`, so small that it fits into every test run.
conforms(postgresLogicalSql, { sentences: ['killed'], large: [] });
