import { conforms } from '../conforms.js';
import { s3 } from '../subjects/s3.js';

conforms(s3);
