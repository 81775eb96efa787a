import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RATE = 48_000;
const SECONDS = 1;
const PITCH = 220;

/** A file with somebody who says the same all the time. */
export class Voice {
  readonly file: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.file = join(folder, 'voice.wav');
  }

  static async create(): Promise<Voice> {
    const voice = new Voice(await mkdtemp(join(tmpdir(), 'kraken-voice-')));
    await writeFile(voice.file, wave());
    return voice;
  }

  async dispose(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A tone as PCM of 16 bits, in WAV. */
function wave(): Buffer {
  const samples = RATE * SECONDS;
  const data = Buffer.alloc(samples * 2);
  for (let index = 0; index < samples; index += 1) {
    const value = Math.sin((2 * Math.PI * PITCH * index) / RATE) * 0.5;
    data.writeInt16LE(Math.round(value * 32_767), index * 2);
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
