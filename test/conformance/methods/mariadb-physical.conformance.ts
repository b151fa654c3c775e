import { conforms } from '../conforms.js';
import { mariadbPhysical } from '../subjects/mariadb-physical.js';

conforms(mariadbPhysical);
