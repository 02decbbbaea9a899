import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes `folder` and its missing parents so that every account may enter them, whatever the umask: root with umask
 * 077 would otherwise lock the database's account out. Folders that exist are left as they are.
 */
export async function makeOpenFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  const top = path.resolve(first);
  for (let made = path.resolve(folder); made.startsWith(top); made = path.dirname(made)) await chmod(made, 0o755);
}
