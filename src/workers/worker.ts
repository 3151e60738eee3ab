/**
 * The class of the advisory locks that mean "this worker is alive". The second key is `lock_key`.
 */
export const WORKER_LOCK_CLASS = 727_002;

/**
 * The most pages that a worker reads at the same time: each has its own downloads and decoding,
 * which share two or four cores.
 */
export const PAGES_AT_ONCE = 5;

/**
 * Additional pages, only for workspaces without a page being read: shops of other workspaces may
 * take a minute to respond. Each page holds up to 20 MB.
 */
export const PAGES_IN_RESERVE = 5;

/** How often a worker sends a heartbeat and checks for dead workers. */
export const HEARTBEAT_INTERVAL_MS = 500;

/**
 * A worker without its lock is dead after this long without a heartbeat. A session that is lost and
 * opened again (the database restarted, a backend was terminated) is back within it.
 */
export const GRACE_MS = 2000;

/**
 * A worker that holds its lock is also dead after this long without a heartbeat: it is frozen, or
 * its host lost the network. It is fenced when it comes back.
 */
export const FROZEN_MS = 60_000;
