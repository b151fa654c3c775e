import { conforms } from './conforms.js';
import { files } from './subjects/files.js';

// A part of `npm run conformance`, so small that it fits into every test run.
conforms(files, { sentences: ['restored', 'killed', 'cancelled'], scale: 0.02 });
