/** Writes the document of the REST door to `docs/openapi.json`, where people and tools find it without running anything. */
import { writeFile } from 'node:fs/promises';
import { describeApi } from '../src/http/openapi/describe-api.ts';

const file = new URL('../docs/openapi.json', import.meta.url);
await writeFile(file, `${JSON.stringify(describeApi(), null, 2)}\n`);
