import { conforms } from '../conforms.js';
import { mariadbLogical } from '../subjects/mariadb-logical.js';

conforms(mariadbLogical);
