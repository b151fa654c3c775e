import { conforms } from '../conforms.js';
import { postgresLogical } from '../subjects/postgres-logical.js';

conforms(postgresLogical);
