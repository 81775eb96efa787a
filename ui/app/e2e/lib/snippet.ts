import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const APP = fileURLToPath(new URL('../..', import.meta.url));

/** Runs code as a program that has y-websocket installed, until it says that it is in sync. */
export async function runSnippet(code: string): Promise<string> {
  // Within the package, so that what it imports is found. Node 20 has no WebSocket of its own.
  const folder = await mkdtemp(join(APP, 'e2e', '.snippet-'));
  try {
    const file = join(folder, 'snippet.mjs');
    const socket = "import { WebSocket } from 'ws'\nglobalThis.WebSocket ??= WebSocket\n";
    await writeFile(file, socket + code);
    return await outputUntil(file, 'in sync');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function outputUntil(file: string, wanted: string): Promise<string> {
  const program = spawn(process.execPath, [file]);
  let output = '';
  try {
    for await (const chunk of program.stdout) {
      output += String(chunk);
      if (output.includes(wanted)) return output;
    }
    return output;
  } finally {
    program.kill();
  }
}
