/** The one user of the server. It never leaves this machine, and migrations need its rights. */
export const SUPERUSER = 'postgres';

/** The database of this service. */
export const DATABASE = 'cta';
