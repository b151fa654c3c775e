import { conforms } from '../conforms.js';
import { postgresLogicalSql } from '../subjects/postgres-logical.js';

conforms(postgresLogicalSql);
