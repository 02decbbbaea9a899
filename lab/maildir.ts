/** Delivery into a Maildir: written under tmp/, then renamed into new/, so that a reader never sees half a message. */
import { chown, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

const JUNK = '.Junk';

/** Whom the files must belong to for the IMAP server to move them; undefined: whoever runs the lab. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export class Maildir {
  readonly #root: string;
  readonly #owner: Owner | undefined;
  #count = 0;

  constructor(root: string, owner?: Owner) {
    this.#root = root;
    this.#owner = owner;
  }

  /** Makes the inbox and the junk folder of a user. */
  async create(user: string): Promise<void> {
    const home = path.join(this.#root, user);
    const folders = [home, path.join(home, JUNK)];
    const parts = folders.flatMap((folder) => ['tmp', 'new', 'cur'].map((part) => path.join(folder, part)));
    for (const directory of [...folders, ...parts]) {
      await mkdir(directory, { recursive: true });
      await this.#handOver(directory);
    }
    // Maildir++: without this file Dovecot takes the folder for a foreign one and scans it anew each time.
    const marker = path.join(home, JUNK, 'maildirfolder');
    await writeFile(marker, '');
    await this.#handOver(marker);
  }

  /** Stores a message. `now` in ms since 1970 becomes part of its file name. */
  async deliver(user: string, folder: 'inbox' | 'junk', message: Buffer, now: number): Promise<void> {
    const home = path.join(this.#root, user, folder === 'junk' ? JUNK : '');
    this.#count += 1;
    const name = `${Math.floor(now / 1000)}.M${this.#count}P${process.pid}.lab`;
    const draft = path.join(home, 'tmp', name);
    await writeFile(draft, message);
    await this.#handOver(draft);
    await rename(draft, path.join(home, 'new', name));
  }

  async #handOver(file: string): Promise<void> {
    if (this.#owner) await chown(file, this.#owner.uid, this.#owner.gid);
  }
}
