/**
 * Writes the OpenAPI document of the REST API to `docs/openapi.json`, where people and tools can
 * read it without running the program.
 */
import { writeFile } from 'node:fs/promises';
import { describeApi } from '../src/http/openapi/describe-api.ts';

const file = new URL('../docs/openapi.json', import.meta.url);
await writeFile(file, `${JSON.stringify(describeApi(), null, 2)}\n`);
