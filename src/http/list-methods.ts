import type { FastifyInstance } from 'fastify';

/** Returns the methods of a path, in the order of `Allow`; undefined if the path does not exist. */
export type ListMethods = (path: string) => readonly string[] | undefined;

/** The usual order. Other methods follow in the order of their routes. */
const ORDER = ['GET', 'HEAD', 'POST', 'PATCH'];

/** Collects the methods of each path. The caller must call it before the first route is added. */
export function createListMethods(app: FastifyInstance): ListMethods {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    // The CORS plugin adds this route; it is not a path of the API.
    if (url === '*') return;
    const route = routes.get(url) ?? { pattern: toPattern(url), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    routes.set(url, route);
  });
  return (path) => {
    const found = [...routes.values()].filter(({ pattern }) => path === '*' || pattern.test(path));
    if (found.length === 0) return undefined;
    const methods = new Set(found.flatMap((route) => [...route.methods]));
    const others = [...methods].filter((method) => !ORDER.includes(method) && method !== 'OPTIONS');
    return [...ORDER.filter((method) => methods.has(method)), ...others, 'OPTIONS'];
  };
}

function toPattern(url: string): RegExp {
  const segments = url
    .replace(/\/$/, '')
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[^\w-]/g, '\\$&')));
  return new RegExp(`^${segments.join('/')}/?$`);
}
