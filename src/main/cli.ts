#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import { keepCompiled } from '../lib/keep-compiled.ts';
import type { Log } from '../lib/log.ts';
import { readSettings, type Settings, SettingsError } from './config.ts';
import { createLog } from './create-log.ts';
import { describeVersion } from './describe-version.ts';
import { findUnheardSettings } from './find-unheard-settings.ts';
import { createSecretHider } from './hide-secrets.ts';
import { preferCommonJs } from './prefer-commonjs.ts';
import { readLicenses } from './read-licenses.ts';
import { serializeError } from './serialize-error.ts';

keepCompiled();
preferCommonJs();

/**
 * The command line. The code of each command is loaded when it runs, so that `token` or `extract`
 * need not wait for the imports of a server.
 */
const program = new Command('cta-batch')
  .description('Generates call-to-action previews from product pages.')
  .version(describeVersion(), '--version', 'print the version, the commit and the Node.js version')
  .showHelpAfterError()
  .configureHelp({ sortSubcommands: false });

program
  .command('start', { isDefault: true })
  .description('run the API, a worker or both')
  .addOption(new Option('--role <role>', 'what to run').choices(['all', 'api', 'worker']).default('all'))
  .action(async ({ role }: { role: 'all' | 'api' | 'worker' }) => {
    const { runStart } = await import('./start-command.ts');
    const settings = readSettings(process.env);
    const log = createLog(settings.LOG_LEVEL, settings);
    warnOfUnheard(settings, log);
    await runStart(settings, log, role);
  });

program
  .command('migrate')
  .description('migrate the database and exit')
  .action(async () => {
    const { openRuntime } = await import('./open-runtime.ts');
    const { closeAll } = await import('./close-all.ts');
    const settings = readSettings(process.env);
    const log = createLog(settings.LOG_LEVEL, settings);
    const { closers } = await openRuntime(settings, log, { supervise: false });
    await closeAll(closers, log);
    process.stdout.write('The database is up to date.\n');
  });

const token = program.command('token').description('manage tokens');

token
  .command('create')
  .description('create a token for a workspace and print it; creates the workspace if it does not exist')
  .requiredOption('--workspace <name>', 'name of the workspace')
  .option('--expires <time>', 'when the token expires, such as 30d, 12h or 45m (default: never)')
  .action(async (options: { workspace: string; expires?: string }) => {
    const { runTokenCreate } = await import('./token-command.ts');
    await runTokenCreate(readSettings(process.env), createLog('warn'), options);
  });

workspaceCommand(token, 'list', 'list the tokens with their ids, creation times and expiry times').action(
  async (options: { workspace: string }) => {
    const { runTokenList } = await import('./token-command.ts');
    await runTokenList(readCommand(options));
  },
);

workspaceCommand(token, 'revoke <id>', 'revoke a token').action(
  async (id: string, options: { workspace: string }) => {
    const { runTokenRevoke } = await import('./token-command.ts');
    await runTokenRevoke(readCommand(options), id);
  },
);

program
  .command('generate <url...>')
  .description('generate previews of product pages and write them to a folder')
  .option('--size <n>', 'previews for each page', parseCount, 3)
  .option('--out <folder>', 'folder for the images and the HTML page', 'cta-previews')
  .action(async (urls: string[], options: { size: number; out: string }) => {
    const { runGenerate } = await import('./generate-command.ts');
    const settings = readSettings(process.env);
    const log = createLog(process.env.LOG_LEVEL ? settings.LOG_LEVEL : 'warn', settings);
    warnOfUnheard(settings, log);
    if (!(await runGenerate(settings, log, urls, options))) process.exitCode = 1;
  });

program
  .command('extract <input...>')
  .description('print the product data found in files or at addresses, as JSON')
  .option('--url <url>', 'the address from which a file was saved')
  .action(async (inputs: string[], options: { url?: string }) => {
    const { runExtract } = await import('./extract-command.ts');
    await runExtract(readSettings(process.env), inputs, options);
  });

program
  .command('limits')
  .description(
    'show the limit of AI calls: free slots, the time of the next slot, and the peak window on record',
  )
  .option('--json', 'print JSON', false)
  .action(async (options: { json: boolean }) => {
    const { runLimits } = await import('./limits-command.ts');
    await runLimits(readSettings(process.env), createLog('warn'), options);
  });

program
  .command('doctor')
  .description('check the database server, its settings and the consistency of the data')
  .option('--fix', 'repair everything that can be repaired safely, even while workers run', false)
  .option('--json', 'print JSON', false)
  .action(async (options: { fix: boolean; json: boolean }) => {
    // The exit code if the checks do not complete.
    process.exitCode = 2;
    const { runDoctor } = await import('./doctor-command.ts');
    process.exitCode = await runDoctor(readSettings(process.env), createLog('warn'), options);
  });

const webhook = program.command('webhook').description('manage the webhooks of a workspace');

async function loadWebhookCommand(options: { workspace: string }) {
  return { command: readCommand(options), run: await import('./webhook-command.ts') };
}

workspaceCommand(
  webhook,
  'add <url>',
  'send a message to this address when a batch is finished; prints the id and the secret',
).action(async (url: string, options: { workspace: string }) => {
  const { command, run } = await loadWebhookCommand(options);
  await run.runWebhookAdd(command, url);
});

workspaceCommand(webhook, 'list', 'list the webhooks').action(async (options: { workspace: string }) => {
  const { command, run } = await loadWebhookCommand(options);
  await run.runWebhookList(command);
});

workspaceCommand(webhook, 'remove <id>', 'remove a webhook and its deliveries').action(
  async (id: string, options: { workspace: string }) => {
    const { command, run } = await loadWebhookCommand(options);
    await run.runWebhookRemove(command, id);
  },
);

workspaceCommand(webhook, 'deliveries', 'list the newest deliveries and their results')
  .option('--limit <n>', 'number of deliveries', parseCount, 20)
  .action(async (options: { workspace: string; limit: number }) => {
    const { command, run } = await loadWebhookCommand(options);
    await run.runWebhookDeliveries(command, options.limit);
  });

workspaceCommand(webhook, 'resend <delivery>', 'send a delivery again').action(
  async (id: string, options: { workspace: string }) => {
    const { command, run } = await loadWebhookCommand(options);
    await run.runWebhookResend(command, id);
  },
);

program
  .command('models')
  .description('manage models')
  .command('pull [id]')
  .description('download the model of CLIP_MODEL, or another model, in advance')
  .action(async (id: string | undefined) => {
    const { runModelsPull } = await import('./models-command.ts');
    await runModelsPull(readSettings(process.env), id);
  });

/** Adds a command for one workspace, which must exist. */
function workspaceCommand(group: Command, usage: string, description: string): Command {
  return group
    .command(usage)
    .description(description)
    .requiredOption('--workspace <name>', 'name of the workspace');
}

function warnOfUnheard(settings: Settings, log: Log): void {
  for (const { setting, says } of findUnheardSettings(process.env, settings)) log.warn({ setting }, says);
}

function readCommand({ workspace }: { workspace: string }) {
  return { settings: readSettings(process.env), log: createLog('warn'), workspace };
}

program
  .command('licenses')
  .description('print the licenses of all packages in the single executable')
  .action(() => {
    process.stdout.write(readLicenses());
  });

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return count;
}

/** Returns a sentence for the user; an unexpected error includes its stack. */
function describeErrors(error: unknown): string {
  if (error instanceof AppError) {
    const fields = error.errors.map(({ path, message }) => `\n  ${path.join('.')} ${message}`);
    return `${error.message} (${error.code})${fields.join('')}`;
  }
  if (error instanceof SettingsError) return error.message;
  if (error instanceof z.ZodError) {
    return error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n');
  }
  if (error instanceof Error && 'code' in error) return error.message;
  // An unexpected error may contain the values of a statement.
  const { message, stack } = serializeError(error);
  return createSecretHider([])(stack === '' ? message : `${message}\n${stack}`);
}

// Not awaited: the single executable is not an ES module, so it has no top-level `await`.
program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${describeErrors(error)}\n`);
  process.exitCode ||= 1;
});
