import { conforms } from '../conforms.js';
import { mysqlLogical } from '../subjects/mariadb-logical.js';

conforms(mysqlLogical);
