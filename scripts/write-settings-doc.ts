import { writeFile } from 'node:fs/promises';
import { renderSettingsDoc } from './render-settings-doc.ts';

await writeFile(new URL('../docs/settings.md', import.meta.url), renderSettingsDoc());
