import { expect, test } from 'vitest';
import { pickClipEnvironment } from './clip-environment.ts';
import { SETTING_NAMES } from './config.ts';

/** Settings that Node.js reads too: the libraries download models through these proxies. */
const FOR_NETWORK: ReadonlySet<string> = new Set(['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']);

test('passes none of our settings, and no variables of PostgreSQL and others', () => {
  const ours = SETTING_NAMES.filter((name) => !FOR_NETWORK.has(name));
  const names = [...ours, 'PGPASSWORD', 'AWS_SECRET_ACCESS_KEY', 'XHF_TOKEN'];
  expect(pickClipEnvironment(Object.fromEntries(names.map((name) => [name, 'secret'])))).toEqual({});
});

test('passes the variables that the libraries need', () => {
  const environment = {
    PATH: '/bin',
    HTTPS_PROXY: 'http://proxy.example:3128',
    no_proxy: 'localhost',
    NODE_EXTRA_CA_CERTS: '/etc/own.pem',
    HF_TOKEN: 'hf_1',
    XDG_CACHE_HOME: '/var/cache',
    CTA_BATCH_CACHE: '/var/cache/cta-batch',
    MALLOC_ARENA_MAX: '2',
  };
  expect(pickClipEnvironment({ ...environment, HOME: undefined })).toEqual(environment);
});
