import { conforms } from './conforms.js';
import { postgresLogical } from './subjects/postgres-logical.js';

// A part of `npm run conformance`, so small that it fits into every test run.
conforms(postgresLogical, { sentences: ['killed', 'cancelled'], large: ['tables'], scale: 0.02 });
