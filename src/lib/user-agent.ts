/** The name that rules in robots.txt files use for this program. */
export const PRODUCT_TOKEN = 'cta-batch';

/** The product name and version that we send to other servers (RFC 9110, 10.1.5). */
export const USER_AGENT_PRODUCT = `${PRODUCT_TOKEN}/0.1`;
