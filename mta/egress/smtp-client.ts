/**
 * nodemailer's SMTP client, with the one thing it has no option for: it asks for SMTPUTF8 when an address needs it, and
 * a header beyond ASCII needs it as well (RFC 6531 §3.4). It overrides an internal method; package.json pins the version,
 * and a test against a real server would notice.
 */
import SMTPConnection from 'nodemailer/lib/smtp-connection';

interface Internals {
  /** What the server offered in its EHLO answer. */
  readonly _supportedExtensions: readonly string[];
  _sendCommand(line: string, shown?: string): void;
}

const Base = SMTPConnection as unknown as new (
  options: ConstructorParameters<typeof SMTPConnection>[0],
) => SMTPConnection & Internals;

export class SmtpClient extends Base {
  /** The message under way has headers beyond ASCII. */
  utf8Header = false;

  get offers(): readonly string[] {
    return this._supportedExtensions;
  }

  override _sendCommand(line: string, shown?: string): void {
    const asks = this.utf8Header && line.startsWith('MAIL FROM:') && !/ SMTPUTF8\b/.test(line);
    super._sendCommand(asks ? `${line} SMTPUTF8` : line, shown);
  }
}
