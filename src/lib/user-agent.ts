/** How robots.txt files name us. */
export const PRODUCT_TOKEN = 'cta-batch';

/** Who we are to the servers of others: name and version (RFC 9110, 10.1.5). */
export const USER_AGENT_PRODUCT = `${PRODUCT_TOKEN}/0.1`;
