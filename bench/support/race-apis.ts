import type { Aim, Figure } from './figure.ts';
import { applyLoad, type Load, type Target } from './load.ts';
import { CONNECTIONS } from './options.ts';
import { say } from './say.ts';
import { compareRounds, median } from './statistics.ts';

/** One request to compare: over one or two APIs of the service, and on the baseline server. */
export interface Race {
  readonly name: string;
  readonly yardstick: Target;
  readonly apis: readonly { readonly api: string; readonly target: Target; readonly aim?: Aim }[];
}

interface RaceOptions {
  /** The name of the measurement, for progress messages. */
  readonly title: string;
  readonly rounds: number;
  readonly length: { readonly seconds: number } | { readonly amount: number };
}

/** Runs the comparisons one after the other, each with every number of connections. */
export async function raceApis(races: readonly Race[], options: RaceOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const race of races) {
    await warmUp([race.yardstick, ...race.apis.map(({ target }) => target)]);
    for (const connections of CONNECTIONS) {
      say(`${options.title}: ${race.name}, ${connections}`);
      figures.push(...(await runRace(race, { ...options, connections })));
    }
  }
  return figures;
}

/** Alternates between all targets, so that other load on the machine affects all of them. */
async function runRace(
  race: Race,
  { connections, rounds, length }: RaceOptions & { readonly connections: number },
): Promise<Figure[]> {
  const targets = [race.yardstick, ...race.apis.map(({ target }) => target)];
  const loads: Load[][] = targets.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, target] of targets.entries()) {
      loads[i]?.push(await applyLoad(target, { connections, ...length }));
    }
  }
  const [bare = [], ...ours] = loads;
  return race.apis.map(({ api, aim }, i) => {
    const compare = (figure: keyof Load) =>
      compareRounds(
        (ours[i] ?? []).map((load, round) => ({
          value: load[figure],
          yardstick: bare[round]?.[figure] ?? Number.NaN,
        })),
      );
    const what = `${race.name}, ${api}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`;
    const whole = { what, unit: '/s', ...compare('perSecond'), p50: compare('p50'), p99: compare('p99') };
    return aim ? { ...whole, aim } : whole;
  });
}

/** Sends a short load first, so that no target compiles its code in the first round. */
async function warmUp(targets: readonly Target[]): Promise<void> {
  for (const target of targets) await applyLoad(target, { connections: 8, amount: 400 });
}

/**
 * Summarizes all figures of an API: the median of the ratios, because the values measure different
 * things.
 */
export function sumUp(what: string, figures: readonly Figure[], aim?: Aim): Figure {
  const ratio = median(figures.flatMap((figure) => figure.ratio ?? []));
  return { what, unit: '', value: Number.NaN, ratio, ...(aim ? { aim } : {}) };
}
