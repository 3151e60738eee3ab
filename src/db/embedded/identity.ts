/**
 * The only user of the server. Migrations need the rights of a superuser, and the server listens
 * only on this machine.
 */
export const SUPERUSER = 'postgres';

/** The database of this service. */
export const DATABASE = 'cta';
