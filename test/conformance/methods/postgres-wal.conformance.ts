import { conforms } from '../conforms.js';
import { postgresWal } from '../subjects/postgres-wal.js';

conforms(postgresWal);
