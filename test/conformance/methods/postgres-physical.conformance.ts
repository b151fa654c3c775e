import { conforms } from '../conforms.js';
import { postgresPhysical } from '../subjects/postgres-physical.js';

conforms(postgresPhysical);
