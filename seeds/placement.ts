/**
 * From a folder to a placement. What the server itself says of a folder (RFC 6154 special use) comes first; only a
 * folder of which it says nothing is judged by its name, for servers that file spam in a folder without saying so.
 */

/**
 * Where a probe landed. `tab`: delivered, but apart from the primary inbox. `missing`: every folder was searched.
 * `unobserved`: we could not look; it says nothing about the mail.
 */
export type Placement = 'inbox' | 'tab' | 'spam' | 'missing' | 'unobserved';

/** A folder as IMAP LIST tells of it. `specialUse` only as far as the server said it. */
export interface Folder {
  readonly path: string;
  /** Last part of the path. */
  readonly name: string;
  readonly specialUse?: string | undefined;
  readonly selectable: boolean;
}

/**
 * What a message found in this folder means; undefined for a folder that is not searched: one that holds copies (sent,
 * drafts, Gmail's all mail, flagged) or nothing. Trash is `unobserved`: somebody cleaned up, the provider did not judge.
 */
export function placementOf(folder: Folder): Placement | undefined {
  if (!folder.selectable) return undefined;
  if (folder.path.toUpperCase() === 'INBOX') return 'inbox';
  switch (folder.specialUse?.toLowerCase()) {
    case '\\inbox':
      return 'inbox';
    case '\\junk':
      return 'spam';
    case '\\trash':
      return 'unobserved';
    case '\\sent':
    case '\\drafts':
    case '\\all':
    case '\\flagged':
      return undefined;
    case '\\archive':
      return 'tab';
    default:
      return JUNK_NAMES.has(folded(folder.name)) ? 'spam' : 'tab';
  }
}

/** Searched folders with their meaning: inbox, then spam, then the rest, so that a copy elsewhere never hides the inbox. */
export function searchOrder(folders: readonly Folder[]): { readonly folder: Folder; readonly placement: Placement }[] {
  const rank = (placement: Placement) => ['inbox', 'spam', 'tab', 'unobserved'].indexOf(placement);
  return folders
    .flatMap((folder) => {
      const placement = placementOf(folder);
      return placement === undefined ? [] : [{ folder, placement }];
    })
    .sort((left, right) => rank(left.placement) - rank(right.placement));
}

/** Case, accents' encoding and separators differ between servers and clients. */
function folded(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ')
    .trim();
}

/** Names of junk folders as providers and common clients create them, by language. */
const JUNK_NAMES: ReadonlySet<string> = new Set(
  [
    ...['Spam', 'Junk', 'Junk E-mail', 'Junk Email', 'Junk Mail', 'Bulk', 'Bulk Mail', 'Unwanted'],
    ...['Spamverdacht', 'Unerwünscht', 'Unerwünschte Werbung', 'Junk-E-Mail'],
    ...['Courrier indésirable', 'Indésirables', 'Pourriel'],
    ...['Posta indesiderata', 'Indesiderata'],
    ...['Correo no deseado', 'No deseado', 'Correo basura'],
    ...['Lixo eletrônico', 'Lixo electrónico', 'Correio eletrônico não solicitado'],
    ...['Ongewenste e-mail', 'Ongewenste reclame'],
    ...['Skräppost', 'Søppelpost', 'Uønsket post', 'Uønsket mail', 'Roskaposti'],
    ...['Wiadomości-śmieci', 'Niechciane', 'Nevyžádaná pošta', 'Nevyžiadaná pošta', 'Levélszemét'],
    ...['Gereksiz', 'Önemsiz', 'Önemsiz E-posta', 'Istenmeyen'],
    ...['Спам', 'Нежелательная почта', 'Небажана пошта', 'Ανεπιθύμητα', 'Ανεπιθύμητη αλληλογραφία'],
    ...['迷惑メール', '垃圾邮件', '垃圾郵件', '스팸', '스팸메일', '정크 메일'],
  ].map(folded),
);
