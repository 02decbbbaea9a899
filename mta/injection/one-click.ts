/**
 * One-click unsubscribe (RFC 8058): large providers require it of bulk mail, and mail without it draws complaints
 * instead. Such mail stays off cold lanes.
 */
import type { Field } from './headers.ts';

/** Whether the message has List-Unsubscribe with an https address, and the List-Unsubscribe-Post that goes with it. */
export function hasOneClick(fields: readonly Field[]): boolean {
  const value = (name: string) => fields.find((field) => field.name === name)?.value ?? '';
  return (
    /<https:\/\/[^>\s]+>/i.test(value('list-unsubscribe')) &&
    /^List-Unsubscribe=One-Click$/i.test(value('list-unsubscribe-post'))
  );
}
